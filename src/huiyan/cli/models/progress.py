"""How far a long command is: a bar on a terminal, a line now and then elsewhere, JSON lines with `--json`."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from huiyan.launcher.machine import size
from huiyan.messages import Language, known, say

if TYPE_CHECKING:
    from huiyan.sources.protocol import Progress

_LINE_EVERY_S: Final = 5.0
_JSON_EVERY_S: Final = 0.5

Phase = Literal["checking", "composing"]
#: Called from any thread and as often as the worker likes.
Tell = Callable[["Progress"], None]


@contextlib.contextmanager
def shown(*, as_json: bool, language: Language) -> Iterator[Tell]:
    if as_json:
        yield paced(_JSON_EVERY_S, _json_line)
    elif sys.stderr.isatty():
        with _bar(language) as tell:
            yield tell
    else:
        yield paced(_LINE_EVERY_S, lambda progress: _plain_line(progress, language))


def words(progress: Progress, language: Language) -> str:
    """One look: `Fetching · 12% (2.1 GiB / 16.3 GiB) · 45.2 MiB/s · 6 min left · FILE`."""
    parts = [say(known(f"models.phase.{progress.phase}", "models.phase"), language, phase=progress.phase)]
    if progress.total_bytes:
        share = min(100, progress.done_bytes * 100 // progress.total_bytes)
        parts.append(f"{share}% ({size(progress.done_bytes)} / {size(progress.total_bytes)})")
    if progress.rate_bytes_per_s > 0:
        parts.append(f"{size(round(progress.rate_bytes_per_s))}/s")
        if progress.eta_s is not None and progress.done_bytes < progress.total_bytes:
            parts.append(say("models.left", language, time=duration(progress.eta_s)))
    if progress.file:
        parts.append(progress.file)
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """`45 s`, `3 min`, `2 h 5 min`."""
    whole = max(1, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def paced(every_s: float, write: Tell) -> Tell:
    """The first look at each phase, and then one each `every_s`."""
    last_s, last_phase = 0.0, ""

    def tell(progress: Progress) -> None:
        nonlocal last_s, last_phase
        now_s = time.monotonic()
        if progress.phase != last_phase or now_s - last_s >= every_s:
            last_s, last_phase = now_s, progress.phase
            write(progress)

    return tell


def measured(tell: Tell, phase: Phase) -> Callable[[int, int], None]:
    """Takes (bytes done, bytes in all; 0 unknown) and tells looks with rate and time left."""
    from huiyan.sources.protocol import Progress

    started_s = time.monotonic()

    def on_progress(done_bytes: int, total_bytes: int) -> None:
        took_s = time.monotonic() - started_s
        # Of the first moment it would say nothing.
        rate = done_bytes / took_s if took_s > 1.0 else 0.0
        tell(
            Progress(
                phase=phase,
                done_bytes=done_bytes,
                total_bytes=total_bytes,
                rate_bytes_per_s=rate,
                eta_s=(total_bytes - done_bytes) / rate if rate > 0 and total_bytes else None,
            )
        )

    return on_progress


def json_line(event: str, **fields: object) -> None:
    """One object on stdout."""
    sys.stdout.write(json.dumps({"event": event, **fields}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _json_line(progress: Progress) -> None:
    json_line("progress", **msgspec.to_builtins(progress))


def _plain_line(progress: Progress, language: Language) -> None:
    sys.stderr.write(words(progress, language) + "\n")
    sys.stderr.flush()


@contextlib.contextmanager
def _bar(language: Language) -> Iterator[Tell]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(bar_width=30), TextColumn("{task.description}"))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def tell(progress: Progress) -> None:
            bar.update(
                task,
                description=escape(words(progress, language)),
                completed=progress.done_bytes,
                total=progress.total_bytes or None,
            )

        yield tell
