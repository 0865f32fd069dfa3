"""A head that is recognised is read as the parser reads it: the same bytes both ways, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from hypothesis import example, given
from hypothesis import strategies as st

from huiyan.app import GatewayApp, build
from huiyan.engines.status import EngineState
from huiyan.gateway import protocol
from huiyan.gateway.options import GatewayOptions
from huiyan.gateway.request_head import RequestHead
from tests.fuzz.messages import CHAT, cut, cuts, damaged, good_messages, post
from tests.support.gateway import CARD, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Its head is remembered, and that of the other is not.
KNOWN = post(b"{}", b"Content-Length: 2")
PARSED = post(b"2\r\n{}\r\n0\r\n\r\n", b"Transfer-Encoding: chunked")
#: A body that is a request, and must stay a body where it comes in a piece of its own.
HIDING = post(KNOWN, b"Content-Length: %d" % len(KNOWN), b"X: y")
ELSEWHERE = post(KNOWN, b"Content-Length: %d" % len(KNOWN), path="/api/tokenize")


class _Exchange:
    """Stands where an exchange stands; is answered as soon as it is whole."""

    message_event = asyncio.Event()
    disconnected = False

    def __init__(self, connection: Any, head: RequestHead) -> None:
        self._connection = connection
        self._body = b""
        self._whole = False
        self._started = False
        self.keep_alive = head.keep_alive
        self.response_complete = False
        self._said = (head.path, head.principal.id, type(head.refusal).__name__)

    def start(self) -> None:
        self._started = True
        self._answer_if_whole()

    def feed(self, data: bytes) -> None:
        self._body += data

    def feed_whole(self, data: bytes) -> None:
        self._body, self._whole = data, True

    def complete(self) -> None:
        self._whole = True
        self._answer_if_whole()

    def refuse(self, error: Exception) -> bool:
        self._connection.seen.append("refused")
        return True

    def lost(self) -> None: ...

    def _answer_if_whole(self) -> None:
        if self._whole and self._started and not self.response_complete:
            self.response_complete = True
            self._connection.seen.append((*self._said, self._body))
            if not self.keep_alive:
                self._connection.transport.close()
            self._connection.exchange_done(self)


class _Transport:
    def __init__(self) -> None:
        self._closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 50000) if name in ("peername", "sockname") else default

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True

    def write(self, data: bytes) -> None: ...

    def set_write_buffer_limits(self, high: int) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app() -> AsyncIterator[GatewayApp]:
    made = build(
        GatewayOptions.model_validate({}), model=CARD, engine=status(EngineState.READY), endpoint=None
    )
    made.server.config.load()
    yield made
    await made.gateway.close()


async def _read(app: GatewayApp, pieces: list[bytes]) -> tuple[list[object], bool]:
    """What was understood of these bytes, and whether the connection was closed."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        connection.seen.append((scope["method"], scope["path"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    state = SimpleNamespace(connections=set(), tasks=set(), total_requests=0, default_headers=[])
    kind = cast("type[Any]", app.server.config.http_protocol_class)
    connection = kind(app.server.config, state, {}, asyncio.get_running_loop())
    connection.app = answer
    connection.seen = []
    transport = _Transport()
    connection.connection_made(transport)
    for piece in pieces:
        if transport.is_closing():
            break
        connection.data_received(piece)
        while state.tasks:  # noqa: ASYNC110  # uvicorn tells nobody
            await asyncio.sleep(0)
    closed = transport.is_closing()
    connection.connection_lost(None)
    return connection.seen, closed


@given(data=st.lists(st.one_of(damaged(), good_messages().map(lambda m: m.data)), max_size=4), places=cuts)
@example(data=[HIDING], places=[HIDING.index(KNOWN)])
@example(data=[ELSEWHERE], places=[ELSEWHERE.index(KNOWN)])
@example(data=[HIDING.replace(b"X: y", b"Expect: 100-continue")], places=[HIDING.index(KNOWN) + 16])
@example(data=[KNOWN, b"\r", KNOWN, b"\r\n\r\n" + KNOWN], places=[])
@example(data=[post(b"{}" * 100, b"Content-Length: 200"), post(b"", b"Content-Length: 0")], places=[150, 300])
async def test_the_same_bytes_both_ways(
    data: list[bytes], places: list[int], app: GatewayApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "Exchange", _Exchange)
    pieces = cut(b"".join(data), places)
    known, parsed = await _read(app, [KNOWN, *pieces]), await _read(app, [PARSED, *pieces])
    assert known == parsed
    assert known[0][0] == (CHAT, "local", "NoneType", b"{}")
