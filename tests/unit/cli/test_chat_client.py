"""The small client of `ask`: pieces in order, and every way in which a stream can end badly."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable

import pytest

from huiyan.cli.chat_client import Answer, stream_chat
from huiyan.errors import (
    EngineDiedError,
    EngineError,
    EngineProtocolError,
    EngineStartingError,
    PayloadTooLargeError,
)


def serve_once(answer: bytes) -> tuple[int, Callable[[], bytes]]:
    """A server for one connection; the function returns the request that it got."""
    server = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []

    def run() -> None:
        with server, server.accept()[0] as connection:
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            while len(body) < length:
                body += connection.recv(65536)
            got.append(head + b"\r\n\r\n" + body)
            connection.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()

    def request() -> bytes:
        thread.join(10)
        return got[0]

    return server.getsockname()[1], request


def event(**chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def piece(text: str) -> bytes:
    return event(choices=[{"delta": {"content": text}}])


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
END = event(choices=[{"delta": {}, "finish_reason": "stop"}]) + event(
    choices=[], usage={"completion_tokens": 2}
)
DONE = b"data: [DONE]\n\n"


def ask(answer: bytes, *, api_key: str = "") -> tuple[list[str], Answer, bytes]:
    port, request = serve_once(answer)
    found = Answer()
    try:
        pieces = list(stream_chat("127.0.0.1", port, {"model": "m"}, found, timeout_s=5, api_key=api_key))
    finally:
        sent = request()
    return pieces, found, sent


def test_pieces_come_in_order_with_usage_and_reason() -> None:
    pieces, found, sent = ask(
        OK + b": ping\n\n" + piece("图里") + piece("写了“好”") + END + DONE, api_key="k1"
    )
    assert pieces == ["图里", "写了“好”"]
    assert (found.text, found.finish_reason) == ("图里写了“好”", "stop")
    assert found.usage == {"completion_tokens": 2}
    assert b"Authorization: Bearer k1" in sent
    assert json.loads(sent.partition(b"\r\n\r\n")[2])["stream"] is True


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (OK + piece("half"), EngineDiedError, "without"),
        (OK + b"data: {nonsense\n\n", EngineProtocolError, "JSON"),
        (
            OK + piece("a") + event(error={"code": "engine_starting", "message": "not yet", "hint": "wait"}),
            EngineStartingError,
            "not yet",
        ),
        (b"", EngineDiedError, "broke off"),
        (b"HTTP/1.1 500 X\r\nConnection: close\r\n\r\n<html>", EngineError, "HTTP 500: <html>"),
    ],
)
def test_a_bad_end_is_an_error(answer: bytes, kind: type[EngineError], said: str) -> None:
    with pytest.raises(kind, match=said):
        ask(answer)


def test_the_gateways_errors_keep_type_message_and_hint() -> None:
    body = json.dumps(
        {"error": {"code": "payload_too_large", "message": "too large", "hint": "make it smaller"}}
    ).encode()
    head = f"HTTP/1.1 413 X\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with pytest.raises(PayloadTooLargeError, match="too large") as caught:
        ask(head + body)
    assert caught.value.hint == "make it smaller"


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(EngineDiedError):
        list(stream_chat("127.0.0.1", port, {}, Answer(), timeout_s=5))
