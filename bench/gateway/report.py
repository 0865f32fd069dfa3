"""Medians, paired ratios, and the verdict on each goal."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass, field
from typing import Any

Figures = dict[str, float]


@dataclass
class Results:
    """values[gateway][column]: one dict of figures a round. failures: the last reason of each."""

    gateways: list[str]
    values: dict[str, dict[str, list[Figures]]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, gateway: str, column: str, figures: Figures) -> None:
        self.values.setdefault(gateway, {}).setdefault(column, []).append(figures)

    def fail(self, gateway: str, column: str, why: str) -> None:
        self.failures.setdefault(gateway, {})[column] = why

    def median(self, gateway: str, column: str, figure: str) -> float | None:
        rounds = self.values.get(gateway, {}).get(column, [])
        return statistics.median(r[figure] for r in rounds) if rounds else None

    def ratio(self, gateway: str, peer: str, column: str, figure: str) -> float | None:
        """Median of the rounds' ratios: what a slow minute does to both cancels out."""
        ours = self.values.get(gateway, {}).get(column, [])
        theirs = self.values.get(peer, {}).get(column, [])
        pairs = [a[figure] / b[figure] for a, b in zip(ours, theirs, strict=False) if b[figure] > 0]
        return statistics.median(pairs) if pairs else None

    def as_json(self) -> dict[str, Any]:
        goals = [
            {"goal": goal.text, "value": goal.value(self), "limit": goal.limit, "met": goal.met(self)}
            for goal in GOALS
        ]
        return {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "values": self.values,
            "failures": self.failures,
            "goals": goals,
        }


@dataclass(frozen=True)
class Goal:
    """peer: "" for an absolute limit. at_most: else at least."""

    text: str
    column: str
    figure: str
    limit: float
    peer: str = ""
    at_most: bool = True
    unit: str = ""

    def value(self, results: Results) -> float | None:
        if self.peer:
            return results.ratio("huiyan", self.peer, self.column, self.figure)
        return results.median("huiyan", self.column, self.figure)

    def met(self, results: Results) -> bool | None:
        value = self.value(results)
        if value is None:
            return None
        return value <= self.limit if self.at_most else value >= self.limit


GOALS = (
    Goal("small JSON alone: added p50", "alone", "p50_us", 1.0, "vllm-router"),
    Goal("small JSON alone: added p99", "alone", "p99_us", 1.0, "vllm-router"),
    Goal("small JSON at 32: requests/s", "at_32", "per_s", 1.2, "vllm-router", at_most=False),
    Goal("small JSON at 32: requests/s", "at_32", "per_s", 150, "litellm", at_most=False),
    Goal("streaming 64: transit p99", "streaming", "p99_us", 1.3, "vllm-router"),
    Goal("streaming 64: CPU per chunk", "streaming", "cpu_us", 1.3, "vllm-router"),
    Goal("4 MiB body: requests/s", "body_4_mib", "per_s", 2.0, "vllm-router", at_most=False),
    Goal("4 MiB body: peak memory", "body_4_mib", "peak_mib", 70, unit=" MiB"),
    Goal("three 2 MiB JPEGs as a form: CPU less decoding", "multipart", "less_decoding_ms", 10, unit=" ms"),
    Goal("idle memory", "start", "idle_mib", 70, unit=" MiB"),
    Goal("memory with 1,000 idle streams", "idle_streams", "mib", 200, unit=" MiB"),
)

#: Heading, column, figure, format.
_TABLE = (
    ("alone: added p50, µs", "alone", "p50_us", "{:,.0f}"),
    ("p99", "alone", "p99_us", "{:,.0f}"),
    ("at 32: req/s", "at_32", "per_s", "{:,.0f}"),
    ("CPU, µs/req", "at_32", "cpu_us", "{:,.1f}"),
    ("streaming 64: transit p50, µs", "streaming", "p50_us", "{:,.0f}"),
    ("p99", "streaming", "p99_us", "{:,.0f}"),
    ("CPU, µs/chunk", "streaming", "cpu_us", "{:,.1f}"),
    ("time / planned", "streaming", "stretch", "{:.2f}"),
    ("4 MiB JSON: req/s", "body_4_mib", "per_s", "{:,.1f}"),
    ("CPU, ms", "body_4_mib", "cpu_ms", "{:,.1f}"),
    ("peak MiB", "body_4_mib", "peak_mib", "{:,.0f}"),
    ("4 MiB picture: req/s", "picture_4_mib", "per_s", "{:,.1f}"),
    ("CPU, ms", "picture_4_mib", "cpu_ms", "{:,.1f}"),
    ("Pillow alone, ms", "picture_4_mib", "decoding_ms", "{:,.1f}"),
    ("peak MiB", "picture_4_mib", "peak_mib", "{:,.0f}"),
    ("form, 3 x 2 MiB: CPU, ms", "multipart", "cpu_ms", "{:,.1f}"),
    ("Pillow alone, ms", "multipart", "decoding_ms", "{:,.1f}"),
    ("peak MiB", "multipart", "peak_mib", "{:,.0f}"),
    ("start, s", "start", "start_s", "{:.2f}"),
    ("idle MiB", "start", "idle_mib", "{:,.0f}"),
    ("idle streams: MiB", "idle_streams", "mib", "{:,.0f}"),
)


def _cell(results: Results, gateway: str, column: str, figure: str, form: str) -> str:
    value = results.median(gateway, column, figure)
    if value is not None:
        return form.format(value)
    return "failed" if column in results.failures.get(gateway, {}) else "–"


def markdown(results: Results) -> str:
    """The medians, the goals, and what failed."""
    columns = [row for row in _TABLE if any(row[1] in results.values.get(g, {}) for g in results.gateways)]
    lines = ["| | " + " | ".join(results.gateways) + " |", "|---" * (len(results.gateways) + 1) + "|"]
    for heading, column, figure, form in columns:
        cells = [_cell(results, gateway, column, figure, form) for gateway in results.gateways]
        lines.append(f"| {heading} | " + " | ".join(cells) + " |")
    lines += ["", "| goal | wanted | measured | |", "|---|---|---|---|"]
    for goal in GOALS:
        value = goal.value(results)
        bound = f"{'at most' if goal.at_most else 'at least'} {goal.limit:g}{goal.unit}"
        against = f" x {goal.peer}" if goal.peer else ""
        met = {None: "not measured", True: "met", False: "**falls short**"}[goal.met(results)]
        shown = "–" if value is None else f"{value:.2f}{goal.unit}{against}"
        lines.append(f"| {goal.text} | {bound}{against} | {shown} | {met} |")
    for gateway, failures in results.failures.items():
        lines += [f"\n{gateway}, {column}: {why[-300:]}" for column, why in failures.items()]
    return "\n".join(lines)
