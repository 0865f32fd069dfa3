"""The client to the engine, against raw sockets that behave and misbehave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from huiyan.engines.status import EngineEndpoint
from huiyan.engines.upstream import Headers, Pool
from huiyan.errors import EngineDiedError, EngineError, EngineProtocolError, EngineTimeoutError

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Recorder:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = []
        self.body = bytearray()
        self.error: EngineError | None = None
        self.over = asyncio.Event()
        self.first = asyncio.Event()

    def on_head(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers

    def on_body(self, data: bytes) -> None:
        self.body += data
        self.first.set()

    def on_end(self) -> None:
        self.over.set()

    def on_error(self, error: EngineError) -> None:
        self.error = error
        self.over.set()


@asynccontextmanager
async def _server(handler: Handler) -> AsyncIterator[EngineEndpoint]:
    async def safe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(safe, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield EngineEndpoint(host="127.0.0.1", port=port, api_key="geheim")
    finally:
        server.close()


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length")
    )
    return head + await reader.readexactly(length)


async def _done(recorder: Recorder) -> Recorder:
    async with asyncio.timeout(5):
        await recorder.over.wait()
    return recorder


async def test_a_request_and_its_answer() -> None:
    seen: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await _request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        writer.write(b"2\r\nde\r\n0\r\n\r\n")

    async with _server(handler) as endpoint:
        recorder = Recorder()
        Pool(endpoint).send("POST", "/x", recorder, body=(b"ab", b"cd"))
        await _done(recorder)
    assert (recorder.status, bytes(recorder.body), recorder.error) == (200, b"abcde", None)
    assert (b"x-a", b"b") in recorder.headers
    assert seen[0].startswith(b"POST /x HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"authorization: Bearer geheim\r\n" in seen[0]
    assert seen[0].endswith(b"content-length: 4\r\n\r\nabcd")


async def test_connections_are_reused() -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await _request(reader)
            writer.write(OK)

    async with _server(handler) as endpoint:
        pool = Pool(endpoint)
        for _ in range(5):
            assert await pool.fetch("GET", "/") == (200, b"hi")
        pool.close()
    assert connections == 1


async def test_a_connection_that_the_engine_closed_meanwhile_is_replaced() -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await _request(reader)
        writer.write(OK)
        await writer.drain()

    async with _server(handler) as endpoint:
        pool = Pool(endpoint)
        assert await pool.fetch("GET", "/") == (200, b"hi")
        await asyncio.sleep(0.05)
        assert await pool.fetch("GET", "/") == (200, b"hi")
        pool.close()
    assert connections == 2


async def test_a_connection_is_not_used_for_longer_than_the_engine_announced() -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await _request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=5\r\nContent-Length: 2\r\n\r\nhi")

    async with _server(handler) as endpoint:
        pool = Pool(endpoint)
        for _ in range(2):
            assert await pool.fetch("GET", "/") == (200, b"hi")
        pool.close()
    assert connections == 2


@pytest.mark.parametrize("earlier", [0, 1])
async def test_a_request_that_is_hung_up_on_is_an_error_never_sent_again(earlier: int) -> None:
    """Also on a connection that served before: the engine may have begun, and nothing runs twice."""
    requests = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while True:
            await _request(reader)
            requests += 1
            if requests > earlier:
                return
            writer.write(OK)

    async with _server(handler) as endpoint:
        pool = Pool(endpoint)
        for _ in range(earlier):
            await pool.fetch("POST", "/")
        with pytest.raises(EngineDiedError):
            await pool.fetch("POST", "/")
    assert requests == earlier + 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", EngineDiedError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", EngineDiedError),
        (b"this is no HTTP\r\n\r\n", EngineProtocolError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", EngineProtocolError),
        (b"", EngineDiedError),
    ],
)
async def test_broken_answers_are_told_apart(answer: bytes, kind: type[EngineError]) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(answer)

    async with _server(handler) as endpoint:
        recorder = Recorder()
        Pool(endpoint).send("POST", "/", recorder)
        assert type((await _done(recorder)).error) is kind


async def test_an_engine_that_is_not_there() -> None:
    async with _server(lambda *_: asyncio.sleep(0)) as endpoint:
        pass
    with pytest.raises(EngineDiedError):
        await Pool(endpoint).fetch("GET", "/")


async def test_silence_ends_in_a_timeout() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await reader.read()

    async with _server(handler) as endpoint:
        recorder = Recorder()
        Pool(endpoint, idle_timeout_s=0.1).send("POST", "/", recorder)
        assert isinstance((await _done(recorder)).error, EngineTimeoutError)
        assert recorder.body == b"a"


async def test_cancel_closes_the_connection_and_says_nothing_more() -> None:
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        try:
            await reader.read()
        finally:
            closed.set()

    async with _server(handler) as endpoint:
        recorder = Recorder()
        call = Pool(endpoint).send("POST", "/", recorder)
        await asyncio.wait_for(recorder.first.wait(), 5)
        call.cancel()
        await asyncio.wait_for(closed.wait(), 5)
    assert not recorder.over.is_set()
    assert call.done


async def test_a_call_cancelled_while_connecting_never_reaches_the_engine() -> None:
    requests = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while True:
            await _request(reader)
            requests += 1
            writer.write(OK)

    async with _server(handler) as endpoint:
        pool = Pool(endpoint)
        pool.send("POST", "/", Recorder()).cancel()
        assert await pool.fetch("GET", "/") == (200, b"hi")
        pool.close()
    assert requests == 1


async def test_interim_answers_are_passed_over() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)

    async with _server(handler) as endpoint:
        assert await Pool(endpoint).fetch("POST", "/", body=b"x") == (200, b"hi")


async def test_pausing_holds_the_engine_back() -> None:
    size = 32 * 1024 * 1024
    sent = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await _request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while sent < size:
            writer.write(bytes(65_536))
            sent += 65_536
            await writer.drain()

    async with _server(handler) as endpoint:
        recorder = Recorder()
        call = Pool(endpoint).send("POST", "/", recorder)
        await asyncio.wait_for(recorder.first.wait(), 5)
        call.pause()
        await asyncio.sleep(0.2)
        held = len(recorder.body)
        await asyncio.sleep(0.2)
        assert len(recorder.body) == held
        assert sent < size
        call.resume()
        await _done(recorder)
    assert len(recorder.body) == size


async def test_fetch_json_names_what_is_no_json() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(OK)

    async with _server(handler) as endpoint:
        with pytest.raises(EngineProtocolError, match="no JSON"):
            await Pool(endpoint).fetch_json("GET", "/props")


async def test_the_key_is_never_in_a_representation() -> None:
    endpoint = EngineEndpoint(host="127.0.0.1", port=1, api_key="geheim")
    assert "geheim" not in repr(endpoint)
    assert "geheim" not in str(endpoint)


async def test_who_asked_is_told_once_when_the_engine_has_taken_all_of_it() -> None:
    may_read = asyncio.Event()
    told: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may_read.wait()
        await _request(reader)
        writer.write(OK)

    async with _server(handler) as endpoint:
        pool = Pool(endpoint)
        recorder = Recorder()
        large = b"x" * 64 * 1024 * 1024  # more than sockets and the reader's own buffer take by themselves
        call = pool.send("POST", "/", recorder, body=(large,), when_sent=lambda: told.append("large"))
        async with asyncio.timeout(10):
            while not call.sent:  # noqa: ASYNC110  # until it is connected
                await asyncio.sleep(0.001)
        assert told == []
        may_read.set()
        async with asyncio.timeout(60):
            await recorder.over.wait()
        assert (told, recorder.status) == (["large"], 200)
        recorder = Recorder()
        pool.send("POST", "/", recorder, body=(b"x",), when_sent=lambda: told.append("small"))
        await _done(recorder)
        assert told == ["large", "small"]
        pool.close()


async def test_who_asked_is_told_as_well_where_nothing_will_be_sent() -> None:
    told: list[str] = []
    pool = Pool(EngineEndpoint(host="127.0.0.1", port=1))
    recorder = Recorder()
    pool.send("POST", "/", recorder, body=(b"x" * 100_000,), when_sent=lambda: told.append("refused"))
    await _done(recorder)
    cancelled = pool.send("POST", "/", Recorder(), body=(b"x",), when_sent=lambda: told.append("cancelled"))
    cancelled.cancel()
    assert told == ["refused", "cancelled"]
    pool.close()


@pytest.mark.parametrize("size_bytes", [16 * 1024, 1024 * 1024, 1024 * 1024 + 1, 5_000_003])
async def test_bodies_of_all_sizes_arrive_as_they_are(size_bytes: int) -> None:
    seen: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await _request(reader)).partition(b"\r\n\r\n")[2])
        writer.write(OK)

    body = (b'{"a":', bytes(range(256)) * (size_bytes // 256) + b"x" * (size_bytes % 256))
    async with _server(handler) as endpoint:
        pool = Pool(endpoint)
        recorder = Recorder()
        pool.send("POST", "/", recorder, body=body)
        await _done(recorder)
        pool.close()
    assert seen == [b"".join(body)]
    assert recorder.status == 200
