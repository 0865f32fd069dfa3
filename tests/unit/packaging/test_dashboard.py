"""deploy/grafana/huiyan.json asks only for what the gateway tells, and for all of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from huiyan.gateway.metrics import GAUGES, Metrics
from huiyan.gateway.metrics_text import COUNTERS, HISTOGRAMS, render

DASHBOARD = Path(__file__).parents[3] / "deploy" / "grafana" / "huiyan.json"
#: Told, and of no use in a picture.
NOT_SHOWN = {
    "start_time_seconds",
    "http_requests_total",
    "chunks_total",
    "queue_paused",
    "decoding_images",
    "key_prompt_tokens_total",
    "key_errors_total",
}


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return found


def asked() -> dict[str, set[str]]:
    """name → labels that queries filter or group it by."""
    names: dict[str, set[str]] = {}
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            for name, labels in re.findall(r"\b((?:huiyan|process)_\w+)(?:\{([^}]*)\})?", target["expr"]):
                known = names.setdefault(name, set())
                known |= set(re.findall(r"(\w+)=", labels)) - {"job", "instance"}
                if grouped := re.search(r"sum by \(([^)]*)\)", target["expr"]):
                    known |= set(grouped[1].replace(" ", "").split(",")) - {""}
    return names


def told() -> dict[str, set[str]]:
    """name → labels, of a gateway in which everything happened."""
    metrics = Metrics(per_key=True)
    for name in GAUGES:
        metrics.watch(name, lambda: 1.0)
    body = render(metrics.snapshot(), 1.0, "")[0].decode()
    found = {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }
    found |= {f"huiyan_{name}_total": set(labels) for name, (labels, _) in COUNTERS.items()}
    found |= {f"huiyan_{name}_bucket": {*labels, "le"} for name, (labels, _) in HISTOGRAMS.items()}
    return found


def test_every_name_and_label_exists() -> None:
    known = told()
    for name, labels in asked().items():
        assert name in known, name
        assert labels <= known[name], (name, labels)


def test_nothing_that_is_told_is_forgotten() -> None:
    names = {f"{name}_total" for name in COUNTERS} | {f"{name}_bucket" for name in HISTOGRAMS} | set(GAUGES)
    shown = {name.removeprefix("huiyan_") for name in asked()}
    assert names - NOT_SHOWN <= shown
    assert not NOT_SHOWN & shown


def test_panels_are_whole() -> None:
    panels = dashboard()["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(set(ids)) == len(ids)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        where = panel["gridPos"]
        own = {
            (x, y)
            for x in range(where["x"], where["x"] + where["w"])
            for y in range(where["y"], where["y"] + where["h"])
        }
        assert not own & cells, f"{panel['title']} overlaps"
        assert max(x for x, _ in own) < 24
        cells |= own
        for target in panel.get("targets", []):
            assert target["expr"].count("(") == target["expr"].count(")")
            assert target["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("name", ["logs-and-metrics.md", "logs-and-metrics.zh-CN.md"])
def test_the_guide_names_every_metric(name: str) -> None:
    guide = (DASHBOARD.parents[2] / "docs" / "guides" / name).read_text("utf-8")
    described = set(re.findall(r"huiyan_\w+", guide))
    expected = {f"huiyan_{metric}_total" for metric in COUNTERS}
    expected |= {f"huiyan_{metric}" for metric in (*HISTOGRAMS, *GAUGES, "build_info", "start_time_seconds")}
    assert described == expected
