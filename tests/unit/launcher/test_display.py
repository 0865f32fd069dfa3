"""Three displays of the same events."""

from __future__ import annotations

import io
import json

import pytest

from huiyan.launcher.display import JsonDisplay, LiveDisplay, PlainDisplay, choose
from huiyan.launcher.events import Event, Reporter
from huiyan.messages import Text

SERVING = Event(
    kind="serving",
    text=Text("gateway.serving", {"url": "http://127.0.0.1:8000"}),
    url="http://127.0.0.1:8000",
)
STORY = [
    Event(kind="step", layer="machine", state="running", text=Text("machine.looking", {})),
    Event(kind="step", layer="machine", state="ok", text=Text("verbatim", {"text": "2 cores"})),
    SERVING,
    *[
        Event(
            kind="step",
            layer="engine",
            state="running",
            text=Text("state.loading", {}),
            progress=percent / 100,
        )
        for percent in range(0, 101, 5)
    ],
    Event(kind="step", layer="engine", state="ok", text=Text("state.ready", {})),
    Event(kind="note", text=Text("ready.demo", {})),
    Event(kind="ready", text=Text("ready", {"url": "http://127.0.0.1:8000"}), url="http://127.0.0.1:8000"),
]


def test_json_is_one_object_a_line_in_the_readers_language() -> None:
    stream = io.StringIO()
    with JsonDisplay(stream, "zh") as display:
        for event in STORY:
            display.show(event)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == len(STORY)
    assert lines[2] == {
        "event": "serving",
        "code": "gateway.serving",
        "message": "页面已可打开：http://127.0.0.1:8000",
        "url": "http://127.0.0.1:8000",
    }
    assert lines[3]["progress"] == 0.0
    assert lines[-1]["event"] == "ready"


def test_plain_lines_are_few_and_say_everything() -> None:
    stream = io.StringIO()
    with PlainDisplay(stream, "en") as display:
        for event in STORY:
            display.show(event)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "[1/6] machine: 2 cores"
    assert len([line for line in lines if "loading" in line]) == 5, "at 0, 25, 50, 75 and 100 %"
    assert lines[-1] == "Ready: http://127.0.0.1:8000"
    assert "\x1b" not in stream.getvalue()


def test_a_reader_that_left_does_not_end_anything() -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    for display in (JsonDisplay(Gone(), "en"), PlainDisplay(Gone(), "en")):
        display.show(SERVING)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_live_table_is_left_behind_whole(language: str) -> None:
    stream = io.StringIO()
    with LiveDisplay(stream, "zh" if language == "zh" else "en") as display:
        for event in STORY:
            display.show(event)
    text = stream.getvalue()
    assert "2 cores" in text
    assert ("就绪：" if language == "zh" else "Ready: ") in text


def test_the_stream_decides() -> None:
    assert isinstance(choose(io.StringIO(), as_json=True, language="en"), JsonDisplay)
    assert isinstance(choose(io.StringIO(), as_json=False, language="en"), PlainDisplay)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert isinstance(choose(Terminal(), as_json=False, language="en"), LiveDisplay)


def test_the_reporter_remembers_its_layer_and_forgets_who_left() -> None:
    first: list[Event] = []
    second: list[Event] = []
    reporter = Reporter(first.append)
    leave = reporter.subscribe(second.append)
    reporter.begin("ports", Text("ports.looking", {}))
    assert reporter.layer == "ports"
    leave()
    reporter.note(Text("ready.demo", {}))
    assert (len(first), len(second)) == (2, 1)


FIRST_KEY = Event(
    kind="first_key", text=Text("keys.first", {"secret": "hy-abc-0123456789"}), key="hy-abc-0123456789"
)


def test_a_first_key_is_shown_whole_and_once_by_each_display() -> None:
    stream = io.StringIO()
    with JsonDisplay(stream, "en") as display:
        display.show(FIRST_KEY)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["key"]) == ("first_key", "hy-abc-0123456789")
    plain = io.StringIO()
    with PlainDisplay(plain, "zh") as shown:
        shown.show(FIRST_KEY)
    assert plain.getvalue().count("hy-abc-0123456789") == 1


def test_a_narrow_terminal_does_not_break_a_key_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "12")
    stream = io.StringIO()
    with LiveDisplay(stream, "en") as display:
        display.show(FIRST_KEY)
    assert "hy-abc-0123456789" in stream.getvalue()


def test_a_key_is_not_in_the_events_own_words() -> None:
    assert FIRST_KEY.secret
    assert not SERVING.secret
    assert FIRST_KEY.key not in repr(FIRST_KEY)  # type: ignore[operator]  # a string
