"""What happens during a start and afterwards, as displays and the control socket are told it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from huiyan.messages import Language, Text

Layer = Literal["machine", "model", "ports", "gateway", "engine", "health"]

#: In the order in which they are gone through.
LAYERS: Final[tuple[Layer, ...]] = ("machine", "model", "ports", "gateway", "engine", "health")


@dataclass(frozen=True, kw_only=True)
class Event:
    """kind `step`: a layer changed its state. `note`: worth a line. `serving`: the page can be opened.
    `first_key`: an administrator's key was made. `ready`: everything works. `stopping`, `stopped`: the end.

    progress: 0..1 within a running step, where it is known. key: a secret, and part of `text`, too; whoever
    is told of such an event shows it to the person who started huiyan, and neither keeps it nor hands it on.
    """

    kind: Literal["step", "note", "serving", "first_key", "ready", "stopping", "stopped"]
    layer: Layer | None = None
    state: Literal["running", "ok", "failed"] | None = None
    text: Text | None = None
    progress: float | None = None
    url: str | None = None
    key: str | None = None

    @property
    def secret(self) -> bool:
        return self.key is not None

    def __repr__(self) -> str:
        if self.secret:
            return f"Event({self.kind}, secret)"
        return f"Event({self.kind}, {self.layer}, {self.state}, {self.text}, {self.progress}, {self.url})"


#: Takes events as they happen, in the launcher's loop.
Report = Callable[[Event], None]


def to_json(event: Event, language: Language) -> dict[str, Any]:
    """One line of `--json`; what says nothing is left out. `code` is the message's stable key."""
    line: dict[str, Any] = {"event": event.kind}
    if event.text is not None:
        line |= {"code": event.text.key, "message": event.text.render(language)}
    for name in ("layer", "state", "progress", "url", "key"):
        if (value := getattr(event, name)) is not None:
            line[name] = value
    return line


class Reporter:
    """Knows which layer the start stands at, and fans events out to display and control socket."""

    def __init__(self, *reports: Report) -> None:
        self._reports = list(reports)
        self.layer: Layer = "machine"

    def subscribe(self, report: Report) -> Callable[[], None]:
        """Returned: ends the subscription."""
        self._reports.append(report)
        return lambda: self._reports.remove(report)

    def begin(self, layer: Layer, text: Text, progress: float | None = None) -> None:
        self.layer = layer
        self.send(Event(kind="step", layer=layer, state="running", text=text, progress=progress))

    def ok(self, layer: Layer, text: Text) -> None:
        self.send(Event(kind="step", layer=layer, state="ok", text=text))

    def failed(self, layer: Layer, text: Text) -> None:
        self.send(Event(kind="step", layer=layer, state="failed", text=text))

    def note(self, text: Text) -> None:
        self.send(Event(kind="note", text=text))

    def send(self, event: Event) -> None:
        for report in tuple(self._reports):
            report(event)
