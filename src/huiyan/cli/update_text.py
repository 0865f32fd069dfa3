"""What `huiyan update` shows: the components, a plan, how far it is, how it ended."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
import typer

from huiyan.cli.models import progress as bars
from huiyan.launcher.machine import size
from huiyan.messages import Language, say
from huiyan.sources.protocol import Progress
from huiyan.updates.status import ComponentInfo, UpdatePlan, UpdatesReport, UpdateStatus

#: Of the first moment a rate would say nothing.
_RATE_AFTER_S: Final = 0.5
_JSON_EVERY_S: Final = 0.25


def show_report(report: UpdatesReport, language: Language, *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "version", "available", "back", "note"):
        table.add_column(say(f"update.head.{column}", language))
    for each in report.components:
        note = each.note_zh if language == "zh" else each.note
        cells = (each.name, each.version, _offer(each), each.can_roll_back_to or "", note or "")
        table.add_row(*(escape(cell) for cell in cells))
    Console().print(table)
    if report.running is not None:
        words = {"name": report.running.component, "version": report.running.version}
        step = say(f"update.step.{report.running.step}", language)
        typer.echo(say("update.runs", language, **words, step=step))
    known = report.feed is not None
    typer.echo(say("update.feed_is" if known else "update.feed_none", language, feed=report.feed))


def _offer(info: ComponentInfo) -> str:
    if info.available is None:
        return ""
    return info.available if info.size_bytes is None else f"{info.available} ({size(info.size_bytes)})"


def show_plan(plan: UpdatePlan, language: Language, *, as_json: bool) -> None:
    if as_json:
        _json_line({"event": "plan", **msgspec.to_builtins(plan)})
        return
    words = {"name": plan.component, "installed": plan.installed, "version": plan.version}
    typer.echo(say("update.plan", language, **words))
    if title := plan.title.get(language) or plan.title.get("en"):
        typer.echo(say("update.title", language, title=title))
    typer.echo(say("update.plan.download", language, size=size(plan.download_bytes)))
    if plan.kept_bytes:
        typer.echo(say("update.plan.kept", language, size=size(plan.kept_bytes)))
    typer.echo(say(f"update.how.{plan.how}", language))
    if plan.how != "next_start":
        typer.echo(_pause(plan.pause_s, language))
    for change in plan.changes:
        typer.echo(say("update.plan.changes", language, name=change.name))
        typer.echo(change.diff)


def _pause(pause_s: float | None, language: Language) -> str:
    if pause_s is None:
        return say("update.plan.unknown_pause", language)
    if pause_s == 0:
        return say("update.plan.no_pause", language)
    return say("update.plan.pause", language, seconds=f"{pause_s:.1f}")


@contextlib.contextmanager
def progress(language: Language, *, as_json: bool) -> Iterator[Callable[[UpdateStatus], None]]:
    """Takes each status: a bar on a terminal, a line now and then elsewhere, JSON lines with `--json`."""
    if as_json:
        last_s = 0.0
        last: UpdateStatus | None = None

        def tell_json(status: UpdateStatus) -> None:
            nonlocal last_s, last
            now_s = time.monotonic()
            if status.state != "running" or status == last:
                return
            if last is None or status.step != last.step or now_s - last_s >= _JSON_EVERY_S:
                last_s, last = now_s, status
                json_status(status)

        yield tell_json
        return
    with bars.shown(as_json=False, language=language) as tell:
        started_s = time.monotonic()

        def tell_progress(status: UpdateStatus) -> None:
            if status.state == "running":
                tell(_look(status, time.monotonic() - started_s))

        yield tell_progress


def _look(status: UpdateStatus, took_s: float) -> Progress:
    fetching = status.step == "staging"
    rate = status.done_bytes / took_s if fetching and took_s > _RATE_AFTER_S else 0.0
    left = status.total_bytes - status.done_bytes
    return Progress(
        phase=status.step,
        done_bytes=status.done_bytes if fetching else 0,
        total_bytes=status.total_bytes if fetching else 0,
        rate_bytes_per_s=rate,
        eta_s=left / rate if rate > 0 else None,
    )


def done(status: UpdateStatus, language: Language, *, running: bool) -> str:
    words = {"name": status.component, "version": status.version}
    if status.step == "abandoned":
        return say("update.same", language, **words)
    if not running:
        return say("update.done_next_start", language, **words)
    if status.pause_s:
        return say("update.done_pause", language, **words, seconds=f"{status.pause_s:.2f}")
    return say("update.done", language, **words)


def json_status(status: UpdateStatus) -> None:
    event = "progress" if status.state == "running" else status.state
    _json_line({"event": event, **msgspec.to_builtins(status)})


def _json_line(fields: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(fields, ensure_ascii=False) + "\n")
    sys.stdout.flush()
