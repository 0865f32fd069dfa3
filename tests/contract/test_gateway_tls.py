"""Chat over HTTPS: the hot path's own protocol on a TLS transport, with a certificate made here."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from huiyan.app import build
from huiyan.engines.status import EngineState
from huiyan.gateway import tls
from huiyan.gateway.options import GatewayOptions
from huiyan.gateway.tls import Certificate, TlsOptions
from huiyan.testing import FakeEngine, Reply
from tests.support.gateway import CARD, CHAT, chat_request, status
from tests.support.sse import parse_stream

WAIT_S = 30.0


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    options = TlsOptions.model_validate({"self_signed": True})
    made = tls.prepare(options, directory=tmp_path, host="127.0.0.1")
    assert made is not None
    return made


@pytest_asyncio.fixture
async def port(certificate: Certificate) -> AsyncIterator[int]:
    async with FakeEngine(api_key="engine-secret-key-0123456789") as engine:
        engine.default_reply = Reply(text="价格是九块九。", chunk_chars=1)
        app = build(
            GatewayOptions.model_validate({}),
            model=CARD,
            engine=status(EngineState.READY),
            endpoint=engine.endpoint,
        )
        app.server.config.ssl_context_factory = lambda _config, _default: tls.context(certificate.options)
        listener = socket.create_server(("127.0.0.1", 0))
        serving = asyncio.get_running_loop().create_task(app.serve([listener]))
        while not app.server.started:
            assert not serving.done(), "the gateway did not start"
            await asyncio.sleep(0.005)
        yield listener.getsockname()[1]
        app.server.should_exit = True
        app.server.force_exit = True
        async with asyncio.timeout(WAIT_S):
            await serving
        listener.close()


def ask(port: int, cafile: Path, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    trusting = ssl.create_default_context(cafile=str(cafile))
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=WAIT_S, context=trusting)
    try:
        encoded = None if body is None else json.dumps(body)
        connection.request(method, path, encoded, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


async def test_chat_over_https(port: int, certificate: Certificate) -> None:
    found, body = await asyncio.to_thread(ask, port, certificate.cert, "GET", "/health")
    assert (found, json.loads(body)["status"]) == (200, "ok")
    for stream in (False, True):
        request = chat_request(stream=stream)
        found, body = await asyncio.to_thread(ask, port, certificate.cert, "POST", CHAT, request)
        assert found == 200
        if stream:
            assert parse_stream(body).text == "价格是九块九。"
        else:
            assert json.loads(body)["choices"][0]["message"]["content"] == "价格是九块九。"


async def test_megabytes_over_https(port: int, certificate: Certificate) -> None:
    request = chat_request("图" * 1_000_000)
    found, body = await asyncio.to_thread(ask, port, certificate.cert, "POST", CHAT, request)
    assert found in (200, 400), body[:200]


async def test_plain_http_on_the_same_port_gets_no_answer(port: int) -> None:
    async with asyncio.timeout(WAIT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/" not in await reader.read()
        writer.close()
