"""What `huiyan deploy k8s` writes, and the commands that come after it."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from huiyan.deploy import engine_values, gateway_values
from huiyan.deploy.engine_values import EnginePlan
from huiyan.deploy.folder import keep_secret, write_files
from huiyan.errors import NotOursError
from huiyan.messages import refusal

ENGINES: Final = "vllm"
GATEWAY: Final = "huiyan"
SECRET: Final = "huiyan-gateway"  # noqa: S105 - an object's name
ENGINE_VALUES: Final = "vllm-values.yaml"
GATEWAY_VALUES: Final = "gateway-values.yaml"
SECRETS: Final = "secrets"
#: As `state.secret` makes it.
_SERVER_SECRET_BYTES: Final = 32


@dataclass(frozen=True, kw_only=True)
class Target:
    """database_url, limits_url: with their passwords, for a file of the Secret alone."""

    folder: Path
    plan: EnginePlan
    image: str
    database_url: str | None = field(default=None, repr=False)
    limits_url: str | None = field(default=None, repr=False)

    @property
    def shared(self) -> bool:
        return self.database_url is not None and self.limits_url is not None


def write(target: Target, *, random_key: Callable[[], bytes]) -> list[str]:
    """Returns the files that were written, secrets included. Keys that are there stay.

    Raises: NotOursError, StoreError and its kinds.
    """
    engines = engine_values.engine_values(target.plan, release=ENGINES, secret=SECRET)
    gateway = gateway_values.gateway_values(
        model_id=target.plan.model_id,
        context_tokens=target.plan.flags.max_model_len,
        image=target.image,
        engines=ENGINES,
        secret=SECRET,
        shared=target.shared,
    )
    chart = f"{engine_values.CHART} {engine_values.CHART_VERSION}"
    files = {
        ENGINE_VALUES: _yaml(engines, f"The engines: values of the chart {chart}."),
        GATEWAY_VALUES: _yaml(gateway, f"The gateway: values of the chart {gateway_values.CHART_NAME}."),
        ".gitignore": f"/{SECRETS}/\n",
    }
    for name, text in gateway_values.chart_files().items():
        files[f"{gateway_values.CHART_NAME}/{name}"] = text
    private = target.folder / SECRETS
    settings, path = _settings(target).encode(), private / "huiyan.toml"
    if not keep_secret(path, settings) and path.read_bytes() != settings:
        raise refusal(NotOursError, "deploy.changed", path=path)
    written = write_files(target.folder, files)
    keys = {"admin-key": random_key, "engine-key": random_key}
    if target.shared:
        keys["server-secret"] = lambda: secrets.token_bytes(_SERVER_SECRET_BYTES)
    made = [name for name, make in keys.items() if keep_secret(private / name, make())]
    return written + [f"{SECRETS}/{name}" for name in made]


def commands(target: Target, *, namespace: str) -> list[str]:
    """What to type next, in order; each can be run again."""
    folder = shlex.quote(str(target.folder))
    secret = f"kubectl --namespace {namespace} create secret generic {SECRET} --from-file={folder}/{SECRETS}"
    chart = f"{engine_values.CHART} --repo {engine_values.CHART_REPOSITORY}"
    upgrade = f"helm upgrade --install --namespace {namespace}"
    return [
        f"kubectl create namespace {namespace} --dry-run=client -o yaml | kubectl apply -f -",
        f"{secret} --dry-run=client -o yaml | kubectl apply -f -",
        f"{upgrade} {ENGINES} {chart} --version {engine_values.CHART_VERSION} -f {folder}/{ENGINE_VALUES}",
        f"{upgrade} {GATEWAY} {folder}/{gateway_values.CHART_NAME} -f {folder}/{GATEWAY_VALUES}",
    ]


def _yaml(values: dict[str, Any], title: str) -> str:
    # Through JSON, so that what stands twice is written twice: `&id001` is nothing that people like to edit.
    plain = json.loads(json.dumps(values))
    body = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)
    note = "Written by `huiyan deploy k8s`, which never replaces a file that was changed."
    return f"# {title}\n# {note}\n{body}"


def _settings(target: Target) -> str:
    """huiyan.toml of the gateways. JSON strings are TOML strings."""
    lines = ["[gateway.access]"]
    if target.database_url is not None:
        lines.append(f"database_url = {json.dumps(target.database_url)}")
    if target.limits_url is not None:
        lines.append(f"limits_url = {json.dumps(target.limits_url)}")
    return "\n".join(lines) + "\n"
