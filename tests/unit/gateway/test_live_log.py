"""The live log: history first, then what comes, bounded, chosen on the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from huiyan.errors import NotFoundError, QueueFullError
from huiyan.gateway import live_log
from huiyan.gateway.live_log import LiveLog
from huiyan.launcher.logs import LogSink
from huiyan.log.choice import Choice
from tests.support.sse import Event, parse_events

WAIT_S = 30.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "huiyan.jsonl"


@pytest.fixture
def sink(path: Path) -> Iterator[LogSink]:
    made = LogSink(path, max_bytes=10**6, files=3)
    yield made
    made.close()


def record(number: int, **more: Any) -> dict[str, Any]:
    return {"ts": "2026-01-31T08:00:00.000Z", "level": "info", "source": "gateway", "n": number, **more}


class Watching:
    """A stream, event by event."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream
        self._events: list[Event] = []

    async def next(self) -> Event:
        async with asyncio.timeout(WAIT_S):
            while not self._events:
                self._events += parse_events(await anext(self._stream))
        return self._events.pop(0)

    async def until_live(self) -> list[int]:
        found = []
        while (event := await self.next()).name != "live":
            found.append(event.json()["n"])
        return found

    async def close(self) -> None:
        await self._stream.aclose()  # type: ignore[attr-defined]  # an async generator


async def watch(live: LiveLog, choice: Choice | None = None, *, lines: int = 100) -> Watching:
    return Watching(await live.open(choice or Choice(), lines=lines))


async def test_history_then_what_comes(path: Path, sink: LogSink) -> None:
    for number in range(5):
        sink.write(record(number))
    live = LiveLog(path)
    watching = await watch(live, lines=3)
    assert await watching.until_live() == [2, 3, 4]
    sink.write(record(5))
    event = await watching.next()
    assert (event.name, event.json()["n"]) == ("log", 5)
    assert live.streams == 1
    await watching.close()
    assert live.streams == 0


async def test_the_choice_is_made_here(path: Path, sink: LogSink) -> None:
    sink.write(record(0))
    sink.write(record(1, level="error", request_id="b-1"))
    live = LiveLog(path)
    watching = await watch(live, Choice(level="warning", request_id="b-1"))
    assert await watching.until_live() == [1]
    sink.write(record(2, level="error", request_id="b-2"))
    sink.write(record(3, level="warning", request_id="b-1"))
    assert (await watching.next()).json()["n"] == 3
    await watching.close()


async def test_rotations_are_followed(path: Path) -> None:
    sink = LogSink(path, max_bytes=400, files=20)
    sink.write(record(0))
    live = LiveLog(path)
    watching = await watch(live)
    assert await watching.until_live() == [0]
    for number in range(1, 40):
        sink.write(record(number))
    assert [(await watching.next()).json()["n"] for _ in range(39)] == list(range(1, 40))
    await watching.close()
    sink.close()


async def test_a_flood_is_thinned_and_said(path: Path, sink: LogSink) -> None:
    sink.write(record(0))
    live = LiveLog(path)
    watching = await watch(live)
    await watching.until_live()
    for number in range(1, 2001):
        sink.write(record(number))
    last, skipped = 0, 0
    while last < 2000:
        event = await watching.next()
        if event.name == "skipped":
            skipped += event.json()["lines"]
        else:
            last = event.json()["n"]
            assert event.name == "log"
    assert skipped > 0
    await watching.close()


async def test_a_reader_far_behind_is_brought_to_the_end(
    path: Path, sink: LogSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_log, "_BACKLOG_BYTES", 10_000)
    monkeypatch.setattr(live_log, "_TURN_BYTES", 1_000)
    sink.write(record(0))
    live = LiveLog(path)
    watching = await watch(live)
    await watching.until_live()
    for number in range(1, 1001):
        sink.write(record(number))
    missed_bytes, last = 0, 0
    while last < 1000:
        event = await watching.next()
        if event.name == "skipped":
            missed_bytes += event.json()["bytes"]
        else:
            last = event.json()["n"]
    assert missed_bytes > 10_000
    await watching.close()


async def test_the_end_of_the_gateway_ends_the_streams(path: Path, sink: LogSink) -> None:
    sink.write(record(0))
    live = LiveLog(path)
    watching = await watch(live)
    await watching.until_live()
    live.close()
    with pytest.raises(StopAsyncIteration):
        await watching.next()
    assert live.streams == 0


async def test_no_more_streams_than_there_may_be(path: Path, sink: LogSink) -> None:
    live = LiveLog(path)
    open_ones = [await watch(live) for _ in range(live_log.MAX_STREAMS)]
    for watching in open_ones:
        await watching.until_live()
    with pytest.raises(QueueFullError):
        await live.open(Choice(), lines=0)
    for watching in open_ones:
        await watching.close()
    again = await watch(live)
    await again.until_live()
    await again.close()


async def test_silence_is_kept_alive(path: Path, sink: LogSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_log, "_KEEP_ALIVE_S", 0.0)
    live = LiveLog(path)
    stream = await live.open(Choice(), lines=0)
    async with asyncio.timeout(WAIT_S):
        while await anext(stream) != b": keep-alive\n\n":
            pass
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator


@pytest.mark.parametrize("name", [None, "nowhere.jsonl"])
async def test_where_there_is_no_log(tmp_path: Path, name: str | None) -> None:
    live = LiveLog(None if name is None else tmp_path / name)
    with pytest.raises(NotFoundError) as caught:
        await live.open(Choice(), lines=0)
    assert caught.value.hint
