"""Shows a start: live on a terminal, as plain lines elsewhere, as JSON lines for programs."""

from __future__ import annotations

import contextlib
import json
from types import TracebackType
from typing import Any, Final, Protocol, Self, TextIO

from huiyan.launcher.events import LAYERS, Event, Layer, to_json
from huiyan.messages import Language, say

#: A plain line for each step of this size, so that a log of a slow load stays short.
_PLAIN_STEP: Final = 0.25
#: The others are done before their line could be read.
_SLOW: Final = ("gateway", "engine")


class Display(Protocol):
    """A context manager, so that a terminal is always left as it was."""

    def show(self, event: Event) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Lines:
    """Writes whole lines; has nothing to put back."""

    def __init__(self, stream: TextIO, language: Language) -> None:
        self._stream = stream
        self._language = language

    def line(self, text: str) -> None:
        # A reader that left (a closed terminal, the parent of a background start) must not end a launcher.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class JsonDisplay(_Lines):
    """One object a line."""

    def show(self, event: Event) -> None:
        self.line(json.dumps(to_json(event, self._language), ensure_ascii=False))


class PlainDisplay(_Lines):
    """One line for each thing that is settled; for logs, pipes and screen readers."""

    def __init__(self, stream: TextIO, language: Language) -> None:
        super().__init__(stream, language)
        self._shown: dict[Layer, tuple[str, int]] = {}

    def show(self, event: Event) -> None:
        if event.text is None:
            return
        text = event.text.render(self._language)
        if event.kind != "step" or event.layer is None:
            self.line(text)
            return
        if event.state == "running":
            if event.layer not in _SLOW:
                return
            # Each state once, and now and then how far it has come.
            mark = (event.text.key, int((event.progress or 0.0) / _PLAIN_STEP))
            if self._shown.get(event.layer) == mark:
                return
            self._shown[event.layer] = mark
        name = say(f"layer.{event.layer}", self._language)
        self.line(f"[{LAYERS.index(event.layer) + 1}/{len(LAYERS)}] {name}: {text}{percent(event.progress)}")


class LiveDisplay:
    """A table of the layers that redraws itself; notes scroll above it."""

    def __init__(self, stream: TextIO, language: Language) -> None:
        from rich.console import Console
        from rich.live import Live

        self._language = language
        self._rows: dict[Layer, Event] = {}
        self._over = False
        self._console = Console(file=stream, highlight=False)
        self._live = Live(
            console=self._console, get_renderable=self._table, refresh_per_second=8, transient=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        if event.kind == "step" and event.layer is not None:
            self._rows[event.layer] = event
            return
        if event.kind == "ready":
            # The table has said what it had to say; what comes now is plain text.
            self._live.stop()
        if event.text is not None:
            # Whole lines: a key or a fingerprint that a narrow terminal broke up could not be copied.
            self._console.print(
                event.text.render(self._language),
                style=_STYLES.get(event.kind),
                markup=False,
                soft_wrap=True,
            )

    def _table(self) -> Any:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text as RichText

        table = Table.grid(padding=(0, 1))
        for layer in LAYERS:
            row = self._rows.get(layer)
            state = row.state if row is not None else None
            icon = Spinner("dots") if state == "running" else RichText(*_ICONS[state])
            text = row.text.render(self._language) if row is not None and row.text is not None else ""
            done = percent(row.progress) if row is not None else ""
            table.add_row(
                icon, RichText(say(f"layer.{layer}", self._language), "bold"), RichText(text + done)
            )
        return table


_ICONS: Final = {None: ("·", "dim"), "ok": ("✓", "green"), "failed": ("✗", "red"), "running": ("…", "")}
_STYLES: Final = {
    "ready": "bold green",
    "first_key": "bold",
    "note": "yellow",
    "stopping": "dim",
    "stopped": "dim",
}


def percent(progress: float | None) -> str:
    return "" if progress is None else f" {progress:.0%}"


def choose(stream: TextIO, *, as_json: bool, language: Language) -> Display:
    """The display that fits the stream."""
    if as_json:
        return JsonDisplay(stream, language)
    if stream.isatty():
        return LiveDisplay(stream, language)
    return PlainDisplay(stream, language)
