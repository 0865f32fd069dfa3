"""Values of our own chart, `charts/huiyan-gateway`, beside those of the engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from huiyan.deploy.engine_values import ROUTER_PORT

CHART_NAME: Final = "huiyan-gateway"
_CHARTS: Final = Path(__file__).parent / "charts"
#: Behind the router's service in the vllm-stack chart.
_SERVICE_PORT: Final = 80


def gateway_values(
    *, model_id: str, context_tokens: int, image: str, engines: str, secret: str, shared: bool
) -> dict[str, Any]:
    """engines: release of the vllm-stack chart. image: REPOSITORY:TAG.

    shared: state in PostgreSQL and Valkey, so that there can be several gateways.
    """
    repository, _, tag = image.rpartition(":")
    return {
        "image": {"repository": repository, "tag": tag},
        "model": {"id": model_id, "contextTokens": context_tokens},
        "engine": {
            "url": f"http://{engines}-router-service:{_SERVICE_PORT}",
            "networkPolicy": {"enabled": True, "release": engines, "port": ROUTER_PORT},
        },
        "secret": {"existing": secret},
        "sharedState": {"enabled": shared},
        "autoscaling": {"enabled": shared},
    }


def chart_files() -> dict[str, str]:
    """Path below the chart → text."""
    root = _CHARTS / CHART_NAME
    return {
        path.relative_to(root).as_posix(): path.read_text("utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
