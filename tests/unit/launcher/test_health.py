"""Layer 5: the test picture, and what its answer must be."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from PIL import Image

from huiyan.engines.status import EngineEndpoint
from huiyan.errors import StartFailedError
from huiyan.launcher import health


def test_the_picture_is_a_red_disc_on_white() -> None:
    with Image.open(io.BytesIO(health.canary_png())) as image:
        image.load()
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (256, 256))
        assert image.getpixel((128, 128)) == (224, 32, 32)
        for corner in ((0, 0), (255, 255), (30, 128), (128, 225)):
            assert image.getpixel(corner) == (255, 255, 255)


def completion(content: object) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


@pytest.mark.parametrize("answer", ["图中有1个图形：红色圆形。", "A red circle.", "It is ROUND"])
def test_an_answer_about_it_passes(answer: str) -> None:
    assert health.check_answer(completion(answer)) == answer


@pytest.mark.parametrize("answer", ["", None, "A blue square.", "!!!!!!!!", "I cannot see pictures."])
def test_an_answer_about_anything_else_is_refused(answer: object) -> None:
    with pytest.raises(StartFailedError, match="not right") as caught:
        health.check_answer(completion(answer))
    assert "mmproj" in caught.value.hint


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{}]}'])
def test_what_is_no_completion_is_refused(body: bytes) -> None:
    with pytest.raises(StartFailedError, match="did not answer"):
        health.check_answer(body)


class Server:
    """Answers everything with one status and body, and keeps what it was asked."""

    def __init__(self, status: int, body: bytes) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((self.path, dict(self.headers), data))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST  # noqa: N815 - the name is http.server's

            def log_message(self, *arguments: Any) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self) -> Server:
        self.thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def good() -> Iterator[Server]:
    with Server(200, completion("红色圆形")) as server:
        yield server


def test_the_engine_is_asked_with_its_key_and_the_picture(good: Server) -> None:
    endpoint = EngineEndpoint(host="127.0.0.1", port=good.port, api_key="secret-key")
    assert health.ask_canary(endpoint, "nano", timeout_s=5) == "红色圆形"
    path, headers, data = good.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret-key"
    body = json.loads(data)
    assert body["model"] == "nano"
    assert body["messages"][0]["content"][0]["image_url"]["url"].startswith("data:image/png;base64,")


def test_an_engine_that_refuses_is_quoted() -> None:
    with Server(500, b"boom") as server, pytest.raises(StartFailedError, match="HTTP 500 boom"):
        health.ask_canary(EngineEndpoint(host="127.0.0.1", port=server.port), "m", timeout_s=5)


def test_an_engine_that_is_not_there_is_said(good: Server) -> None:
    good.server.socket.close()
    with pytest.raises(StartFailedError, match="did not answer"):
        health.ask_canary(EngineEndpoint(host="127.0.0.1", port=good.port), "m", timeout_s=1)


def test_the_gateways_health_is_read() -> None:
    with Server(200, b'{"status": "degraded", "components": {}}') as server:
        assert health.gateway_health("127.0.0.1", server.port) == "degraded"
    with Server(200, b"<html>") as server, pytest.raises(StartFailedError):
        health.gateway_health("127.0.0.1", server.port)
