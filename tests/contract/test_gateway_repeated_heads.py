"""Requests whose head has come before on the same connection: what is answered stays what it was."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from huiyan.state.database import Database
from huiyan.state.issue import issue_key
from huiyan.testing import FakeEngine, Reply
from tests.support.gateway import CHAT, RunningGateway, assert_refusal, chat_request, running_gateway
from tests.support.wait import eventually
from tests.support.wire import Response

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _asked(engine: FakeEngine) -> list[str]:
    return [request.json()["messages"][0]["content"] for request in engine.completions]


async def test_bodies_of_any_length_and_cut_anywhere(gateway: RunningGateway, engine: FakeEngine) -> None:
    texts = ["first", "你好" * 1000, "x", "y" * 300_000, "last"]
    async with gateway.wire() as wire:
        for text in texts:
            data = wire.request_bytes("POST", CHAT, json=chat_request(text))
            for cut in (0, 40, len(data) // 2, len(data) - 1):
                await wire.send(data[:cut])
                await wire.send(data[cut:])
                assert (await wire.response()).status == 200
    assert _asked(engine) == [text for text in texts for _ in range(4)]


async def test_pipelined_in_one_piece(gateway: RunningGateway, engine: FakeEngine) -> None:
    engine.script(*[Reply(text=str(number)) for number in range(6)])
    async with gateway.wire() as wire:
        requests = [wire.request_bytes("POST", CHAT, json=chat_request("a" * n)) for n in range(1, 6)]
        await wire.send(wire.request_bytes("POST", CHAT, json=chat_request("0")))
        assert (await wire.response()).status == 200
        await wire.send(b"".join(requests) + requests[0][:60])
        answers = [(await wire.response()).json() for _ in requests]
        assert [a["choices"][0]["message"]["content"] for a in answers] == [str(n) for n in range(1, 6)]
        await wire.send(requests[0][60:])
        assert (await wire.response()).status == 200
    assert _asked(engine) == ["0", *("a" * n for n in range(1, 6)), "a"]


async def test_other_requests_in_between(gateway: RunningGateway) -> None:
    async with gateway.wire() as wire:
        for _ in range(3):
            assert (await wire.ask("POST", CHAT, json=chat_request("a"))).status == 200
            assert (await wire.ask("GET", "/health")).status == 200
            assert (await wire.ask("POST", CHAT, json=chat_request("ab", stream=True))).status == 200
            assert_refusal(await wire.ask("POST", CHAT, body=b"{}"), 400, "invalid_json")


@pytest.mark.parametrize(
    "second",
    [
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}{}{}",
        b"Content-Length: 4\r\nContent-Length: 4\r\nTransfer-Encoding: x\r\n\r\n{}{}",
        b"Content-Length: +4\r\n\r\n{}{}",
        b"Content-Length: 4 4\r\n\r\n{}{}",
        b"Content-Length: 0x4\r\n\r\n{}{}",
    ],
)
async def test_smuggling_after_a_request_that_was_read(
    gateway: RunningGateway, engine: FakeEngine, second: bytes
) -> None:
    """A known head must not lend its standing to one that only begins like it."""
    body = msgspec.json.encode(chat_request("a"))
    start = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    async with gateway.wire() as wire:
        await wire.send(start + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        assert (await wire.response()).status == 200
        await wire.send(start + second)
        assert (await wire.response()).status == 400
        await wire.until_closed()
    assert len(engine.completions) == 1


async def test_too_large_the_second_time(engine: FakeEngine) -> None:
    async with running_gateway(engine.endpoint, max_body_bytes=2048) as gateway, gateway.wire() as wire:
        assert (await wire.ask("POST", CHAT, json=chat_request("a"))).status == 200
        response = await wire.ask("POST", CHAT, json=chat_request("a" * 4096))
        assert_refusal(response, 413, "payload_too_large")


async def test_key_that_ends_while_its_connection_is_open(engine: FakeEngine, tmp_path: Path) -> None:
    """Revoked by another process: the connection's next request is refused, whatever came before."""
    database = Database(tmp_path / "state")
    record, secret = issue_key(database, name="a", scopes=["chat"])
    headers = {"Authorization": f"Bearer {secret}"}
    access = {"local_without_key": False}
    try:
        async with running_gateway(engine.endpoint, data_dir=tmp_path, access=access) as gateway:
            await gateway.app.gateway.access.loaded()
            async with gateway.wire() as wire:

                async def ask() -> Response:
                    return await wire.ask("POST", CHAT, headers, json=chat_request("a"))

                for _ in range(3):
                    assert (await ask()).status == 200
                database.revoke_key(record.id)

                async def refused() -> bool:
                    return (await ask()).status == 401

                await eventually(refused)
    finally:
        database.close()


async def test_key_that_expires_while_its_connection_is_open(engine: FakeEngine, tmp_path: Path) -> None:
    database = Database(tmp_path / "state")
    _, secret = issue_key(database, name="a", scopes=["chat"], expires_unix_s=int(time.time()) + 2)
    database.close()
    access = {"local_without_key": False}
    async with running_gateway(engine.endpoint, data_dir=tmp_path, access=access) as gateway:
        await gateway.app.gateway.access.loaded()
        async with gateway.wire() as wire:

            async def refused() -> bool:
                headers = {"Authorization": f"Bearer {secret}"}
                response = await wire.ask("POST", CHAT, headers, json=chat_request("a"))
                assert response.status == 200 or "expired" in response.text
                return response.status == 401

            await eventually(refused)
