"""HTTP/1.1 as clients really speak it: reuse, pipelining, expectations, odd framing, other methods."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from huiyan.testing import FakeEngine, Reply
from tests.support.gateway import CHAT, RunningGateway, assert_refusal, chat_request, running_gateway
from tests.support.sse import parse_stream
from tests.support.wait import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = msgspec.json.encode(chat_request("你好"))
JSON = {"Content-Type": "application/json"}
_POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"


async def test_connection_is_kept_over_all_kinds_of_answers(gateway: RunningGateway) -> None:
    async with gateway.wire() as wire:
        for _ in range(3):
            assert (await wire.ask("POST", CHAT, json=chat_request())).status == 200
            assert (await wire.ask("POST", CHAT, json=chat_request(stream=True))).status == 200
            assert (await wire.ask("POST", CHAT, json=chat_request(""))).status == 400
            assert (await wire.ask("GET", "/health")).status == 200
            assert (await wire.ask("GET", "/nothing")).status == 404
            assert (await wire.ask("GET", "/api/info")).keep_alive
        assert not wire.closed


async def test_pipelined_requests_are_answered_in_their_order(
    gateway: RunningGateway, engine: FakeEngine
) -> None:
    """Hot and plain routes mixed, the first answer being the slowest."""
    engine.script(Reply(text="第一", first_delay_s=0.2), Reply(text="第二"), Reply(text="第三", delay_s=0.01))
    async with gateway.wire() as wire:
        await wire.send(
            wire.request_bytes("POST", CHAT, json=chat_request(stream=True))
            + wire.request_bytes("GET", "/health")
            + wire.request_bytes("POST", CHAT, json=chat_request())
            + wire.request_bytes("GET", "/nothing")
            + wire.request_bytes("POST", CHAT, json=chat_request(""))
            + wire.request_bytes("POST", CHAT, json=chat_request(stream=True))
        )
        first = await wire.response()
        assert parse_stream(bytes(first.body)).text == "第一"
        assert (await wire.response()).json()["status"] == "ok"
        assert (await wire.response()).json()["choices"][0]["message"]["content"] == "第二"
        assert (await wire.response()).status == 404
        assert (await wire.response()).status == 400
        assert parse_stream(bytes((await wire.response()).body)).text == "第三"


async def test_client_that_leaves_with_requests_waiting_cancels_what_runs(
    gateway: RunningGateway, engine: FakeEngine
) -> None:
    engine.script(Reply.endless())
    async with gateway.wire() as wire:
        await wire.send(wire.request_bytes("POST", CHAT, json=chat_request(stream=True)) * 3)
        await wire.body_until(b'"content":"')
    await engine.completions[0].was_cancelled()
    assert len(engine.completions) == 1, "the others never began"
    assert (await gateway.chat()).status == 200


async def test_expect_100_continue(gateway: RunningGateway) -> None:
    """curl asks before it sends a large body."""
    async with gateway.wire() as wire:
        await wire.send(
            wire.head_bytes("POST", CHAT, JSON | {"Content-Length": str(len(BODY)), "Expect": "100-continue"})
        )
        async with asyncio.timeout(5):
            assert await wire._reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(BODY)
        assert (await wire.response()).status == 200


async def test_expect_100_continue_of_what_is_too_large_is_refused_before_the_body(
    engine: FakeEngine,
) -> None:
    async with running_gateway(engine.endpoint, max_body_bytes=5000) as gateway, gateway.wire() as wire:
        await wire.send(
            wire.head_bytes("POST", CHAT, JSON | {"Content-Length": "9000", "Expect": "100-continue"})
        )
        assert_refusal(await wire.response(), 413, "payload_too_large")


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_chunked_request_body(gateway: RunningGateway, engine: FakeEngine, size: int) -> None:
    async with gateway.wire() as wire:
        await wire.send(wire.head_bytes("POST", CHAT, JSON | {"Transfer-Encoding": "chunked"}))
        for start in range(0, len(BODY), size):
            piece = BODY[start : start + size]
            await wire.send(b"%x;extension=1\r\n%b\r\n" % (len(piece), piece))
        await wire.send(b"0\r\nTrailer: x\r\n\r\n")
        assert (await wire.response()).status == 200
        assert engine.completions[0].body == BODY
        assert (await wire.ask("GET", "/health")).status == 200, "the connection is in step"


async def test_request_that_trickles_in(gateway: RunningGateway, engine: FakeEngine) -> None:
    async with gateway.wire() as wire:
        for byte in wire.request_bytes("POST", CHAT, JSON, body=BODY):
            await wire.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await wire.response()).status == 200


async def test_http_1_0_client(gateway: RunningGateway, engine: FakeEngine) -> None:
    """No chunks for who does not know them: the end of the connection ends the body."""
    engine.script(Reply(text="老客户端"))
    body = msgspec.json.encode(chat_request(stream=True))
    head = f"POST {CHAT} HTTP/1.0\r\nHost: 127.0.0.1:{gateway.port}\r\nContent-Length: {len(body)}\r\n\r\n"
    async with gateway.wire() as wire:
        await wire.send(head.encode() + body)
        response = await wire.rest()
    assert response.header("transfer-encoding") is None
    assert parse_stream(bytes(response.body)).text == "老客户端"


async def test_connection_close_is_honoured(gateway: RunningGateway) -> None:
    async with gateway.wire() as wire:
        response = await wire.ask("POST", CHAT, {"Connection": "close"}, json=chat_request())
        assert response.status == 200
        assert not response.keep_alive
        await wire.until_closed()


@pytest.mark.parametrize("target", ["/health", "/api/info", "/v1/models"])
async def test_head_is_get_without_a_body(gateway: RunningGateway, target: str) -> None:
    """The parser would take a body for the next response, so that one is asked for as well."""
    got = await gateway.get(target)
    async with gateway.wire() as wire:
        await wire.send(wire.request_bytes("HEAD", target, {"Connection": "close"}))
        raw = b""
        while piece := await wire._reader.read(65536):
            raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""
    assert f"content-type: {got.header('content-type')}".encode() in head.lower()


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("GET", CHAT, "POST"),
        ("PUT", CHAT, "POST"),
        ("DELETE", "/v1/completions", "POST"),
        ("OPTIONS", CHAT, "POST"),
        ("POST", "/v1/models", "GET"),
        ("POST", "/health", "GET"),
        ("GET", "/api/tokenize", "POST"),
        ("DELETE", "/api/info", "GET"),
        ("GET", "/api/answers/x", "DELETE"),
    ],
)
async def test_other_methods_are_405_and_name_the_right_one(
    gateway: RunningGateway, method: str, target: str, allowed: str
) -> None:
    async with gateway.wire() as wire:
        response = await wire.ask(method, target)
    assert_refusal(response, 405, "method_not_allowed")
    assert allowed in (response.header("allow") or "").replace(" ", "").split(",")


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        _POST + b"Content-Length: abc\r\n\r\n",
        _POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        _POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0",
    ],
    ids=["no http", "version", "length", "two lengths", "smuggling", "header", "tls"],
)
async def test_broken_http_is_refused_and_the_connection_closed(
    gateway: RunningGateway, engine: FakeEngine, raw: bytes
) -> None:
    async with gateway.wire() as wire:
        await wire.send(raw)
        async with asyncio.timeout(5):
            answer = await wire._reader.read()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert engine.requests == []
    assert (await gateway.get("/health")).status == 200


async def test_endless_headers_are_refused(gateway: RunningGateway) -> None:
    async with gateway.wire() as wire:
        await wire.send(wire.head_bytes("GET", "/health", {"X-Long": "x" * 100_000}))
        assert (await wire.head()).status in {400, 431}


async def test_connection_that_never_finishes_its_headers_is_closed(engine: FakeEngine) -> None:
    """Slow loris: not one of many such connections may stay."""
    async with running_gateway(engine.endpoint, header_timeout_s=0.3) as gateway, gateway.wire() as wire:
        await wire.send(b"GET /health HTTP/1.1\r\nHost: local")
        async with asyncio.timeout(5):
            await wire.until_closed()


async def test_body_that_stops_is_given_up(engine: FakeEngine) -> None:
    async with running_gateway(engine.endpoint, body_timeout_s=0.3) as gateway, gateway.wire() as wire:
        await wire.send(wire.head_bytes("POST", CHAT, JSON | {"Content-Length": "100"}) + b'{"mess')
        assert_refusal(await wire.response(), 400, "invalid_request")
    assert engine.requests == []


async def test_client_that_leaves_within_its_body_leaves_nothing(
    gateway: RunningGateway, engine: FakeEngine
) -> None:
    async with gateway.wire() as wire:
        await wire.send(wire.head_bytes("POST", CHAT, JSON | {"Content-Length": "100"}) + b'{"mess')

    async def is_idle() -> bool:
        health = (await gateway.get("/health")).json()
        return not health["components"]["gateway"]["active_requests"]

    await eventually(is_idle)
    assert engine.requests == []


async def test_many_idle_connections_do_not_matter(gateway: RunningGateway) -> None:
    connections = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(200)]
    try:
        assert (await gateway.chat()).status == 200
    finally:
        for _, writer in connections:
            writer.transport.abort()
