"""The report of one run: as JSON, as a table on the terminal, and as an HTML page with plots."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from huiyan.cli.bench.measure import Result
from huiyan.cli.bench.memory import Held
from huiyan.messages import Language, say


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A load that this engine cannot take, and why, in both languages."""

    users: int
    pictures: int
    reason: str
    reason_zh: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run found. plan: what had been expected; see `Plan`."""

    huiyan: str
    at_unix_s: float
    machine: str
    engine: str
    model: str
    demo: bool
    picture: str
    max_tokens: int
    rounds: int
    results: list[Result]
    skipped: list[Skipped] = []
    held: Held | None = None
    plan: Plan


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the running system was laid out for.

    slots: answers that it writes at once; None: as many as fit. needed_bytes: of memory, as it was planned.
    """

    context_tokens: int
    slots: int | None
    needed_bytes: int | None = None


_GIB: Final = 1 << 30


def rows(report: Report) -> list[list[str]]:
    """The table's cells, one list for each load."""
    return [
        [
            str(each.users),
            str(each.pictures),
            str(each.prompt_tokens),
            _seconds(each.ttft_s.median if each.ttft_s else None),
            _seconds(each.ttft_s.p95 if each.ttft_s else None),
            _milliseconds(each.itl_s.median if each.itl_s else None),
            _milliseconds(each.itl_s.p95 if each.itl_s else None),
            _number(each.tokens_per_s_user),
            _number(each.tokens_per_s),
            f"{each.failed}/{each.requests}",
        ]
        for each in report.results
    ]


COLUMNS: Final = (
    "bench.users",
    "bench.pictures",
    "bench.prompt",
    "bench.ttft",
    "bench.ttft_high",
    "bench.itl",
    "bench.itl_high",
    "bench.speed_user",
    "bench.speed",
    "bench.failed",
)


def heads(language: Language) -> list[str]:
    return [say(key, language) for key in COLUMNS]


def remarks(report: Report, language: Language) -> list[str]:
    """Sentences below the table: memory against the plan, what was left out, what failed."""
    found = [say("bench.legend", language)]
    if report.plan.slots is not None and any(each.users > report.plan.slots for each in report.results):
        found.append(say("bench.slots", language, slots=report.plan.slots))
    if report.held is not None:
        found.append(say("bench.memory", language, held=_gib(report.held.resident_bytes)))
        if report.held.gpu_bytes is not None:
            found.append(say("bench.gpu", language, held=_gib(report.held.gpu_bytes)))
    if report.plan.needed_bytes is not None and report.held is not None:
        measured = max(report.held.resident_bytes, report.held.gpu_bytes or 0)
        share = round(100 * measured / report.plan.needed_bytes)
        found.append(say("bench.plan", language, needed=_gib(report.plan.needed_bytes), share=share))
    for skipped in report.skipped:
        reason = skipped.reason_zh if language == "zh" else skipped.reason
        found.append(
            say("bench.skipped", language, users=skipped.users, pictures=skipped.pictures, reason=reason)
        )
    failures = {each.failure for each in report.results if each.failure}
    found += [say("bench.failure", language, failure=failure) for failure in sorted(failures)]
    if report.demo:
        found.append(say("bench.demo", language))
    return found


def page(report: Report, language: Language) -> str:
    """A whole HTML page that needs nothing from anywhere: no script, no font, no picture."""
    title = say("bench.title", language, model=report.model)
    facts = say(
        "bench.facts",
        language,
        engine=report.engine,
        machine=report.machine,
        picture=report.picture,
        max_tokens=report.max_tokens,
        rounds=report.rounds,
    )
    labels = [say("bench.load", language, users=e.users, pictures=e.pictures) for e in report.results]
    plots = [
        _plot(say(key, language), labels, [value(each) for each in report.results], digits)
        for key, value, digits in _PLOTS
    ]
    table = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows(report))
    notes = "".join(f"<li>{html.escape(remark)}</li>" for remark in remarks(report, language))
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if language == "zh" else "en"}">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{html.escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n<h1>{html.escape(title)}</h1>\n<p>{html.escape(facts)}</p>\n"
        f"{''.join(plots)}\n<div class=wide><table><thead><tr>{_cells('th', heads(language))}</tr></thead>"
        f"<tbody>{table}</tbody></table></div>\n<ul>{notes}</ul>\n</html>\n"
    )


def _ttft_s(each: Result) -> float | None:
    return each.ttft_s.median if each.ttft_s else None


def _itl_ms(each: Result) -> float | None:
    return each.itl_s.median * 1000 if each.itl_s else None


_PLOTS: Final[tuple[tuple[str, Callable[[Result], float | None], int], ...]] = (
    ("bench.plot.ttft", _ttft_s, 2),
    ("bench.plot.itl", _itl_ms, 1),
    ("bench.plot.speed", lambda each: each.tokens_per_s or None, 0),
)

_STYLE: Final = (
    ":root{color-scheme:light dark;--bar:#2563eb;--line:#8884}"
    "@media(prefers-color-scheme:dark){:root{--bar:#7aa2ff}}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "figure{margin:1.5rem 0}figcaption{font-weight:600}svg{width:100%;height:auto}"
    "svg text{font-size:13px;fill:currentColor}rect{fill:var(--bar)}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;white-space:nowrap}"
    "th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid var(--line)}"
)

_WIDTH, _LABEL, _ROW = 720, 190, 28


def _plot(title: str, labels: Sequence[str], values: Sequence[float | None], digits: int) -> str:
    """Horizontal bars; a load without a value has a dash."""
    longest = max((value for value in values if value is not None), default=0.0)
    room = _WIDTH - _LABEL - 80
    bars = []
    for row, (label, value) in enumerate(zip(labels, values, strict=True)):
        y = row * _ROW
        width = 0.0 if value is None or longest == 0 else room * value / longest
        said = "–" if value is None else f"{value:,.{digits}f}"
        bars.append(
            f'<text x="{_LABEL - 8}" y="{y + 18}" text-anchor="end">{html.escape(label)}</text>'
            f'<rect x="{_LABEL}" y="{y + 5}" width="{width:.1f}" height="{_ROW - 10}" rx="3"/>'
            f'<text x="{_LABEL + width + 6:.1f}" y="{y + 18}">{said}</text>'
        )
    return (
        f"<figure><figcaption>{html.escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {len(labels) * _ROW}" role="img" aria-label="{html.escape(title)}">'
        f"{''.join(bars)}</svg></figure>"
    )


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value * 1000:.1f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / _GIB:.2f} GiB"
