"""The fake hub's HTTP/1.1 server: a thread for each connection, and full control over what goes out."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from huiyan.sources.transfer.ranges import parse_content_range
from huiyan.testing.hub_faults import Fault, Faults

_PIECE_BYTES = 16 * 1024


@dataclass
class HubRequest:
    """One request as it came. sent_bytes: of the body of its answer."""

    method: str
    target: str
    headers: Message
    port: int
    sent_bytes: int = 0
    status: int = 0
    is_file: bool = False

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass
class Reply:
    """What is to be answered; ranges and faults are applied to it afterwards."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/octet-stream"
    etag: str = ""
    ranges: bool = False
    is_file: bool = False
    headers: dict[str, str] = field(default_factory=dict)


class HubServer:
    """Listens on a free port of 127.0.0.1 from its creation on."""

    def __init__(
        self,
        answer: Callable[[HubRequest], Reply],
        faults: Faults,
        record: Callable[[HubRequest], None],
    ) -> None:
        class Handler(_Handler):
            pass

        Handler.answer_of = staticmethod(answer)
        Handler.faults = faults
        Handler.record = staticmethod(record)
        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        Handler.port = self.port
        self._thread = threading.Thread(
            target=lambda: self._server.serve_forever(poll_interval=0.05), name="fake-hub", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.end_connections()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A test's end does not wait for clients that keep their connections.
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._sockets: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        self._sockets.add(connection)
        return connection, address

    def shutdown_request(self, request: object) -> None:
        if isinstance(request, socket.socket):
            self._sockets.discard(request)
        super().shutdown_request(request)  # type: ignore[arg-type]

    def end_connections(self) -> None:
        for connection in list(self._sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer_of: Callable[[HubRequest], Reply]
    record: Callable[[HubRequest], None]
    faults: Faults
    port: int
    # Small answers go out at once.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Nothing: requests are recorded."""

    def _serve(self) -> None:
        request = HubRequest(
            self.command,
            self.path,
            self.headers,
            self.port,
        )
        self.record(request)
        reply = self.answer_of(request)
        request.is_file = reply.is_file and self.command == "GET"
        fault = self.faults.take(self.command, self.path)
        if fault is not None and fault.kind == "garbage":
            self.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            self._end()
            return
        if fault is not None:
            reply = self._instead(reply, fault)
        body = self._ranged(reply, fault)
        request.status = reply.status
        self._head(reply, body, fault)
        if self.command == "HEAD":
            self.wfile.flush()
            return
        if fault is not None and fault.kind == "wrong_bytes" and body:
            changed = bytearray(body)
            changed[len(changed) // 2] ^= 1
            body = bytes(changed)
        self._body(request, body, fault)

    def _instead(self, reply: Reply, fault: Fault) -> Reply:
        if fault.kind == "status":
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return Reply(status=fault.status, body=b"on cue", headers=headers)
        if fault.kind == "loop":
            return Reply(status=302, headers={"Location": self.path})
        if fault.kind == "elsewhere":
            return Reply(status=302, headers={"Location": fault.location})
        if fault.kind == "etag":
            reply.etag = '"another"'
        return reply

    def _ranged(self, reply: Reply, fault: Fault | None) -> bytes:
        """The part that was asked for; the reply's status and headers follow."""
        wanted = self.headers.get("Range", "")
        ignored = not reply.ranges or (fault is not None and fault.kind == "ignore_range")
        if reply.status != 200 or not wanted or ignored:
            return reply.body
        condition = self.headers.get("If-Range")
        if condition and condition != reply.etag and not (fault is not None and fault.kind == "etag"):
            return reply.body
        size = len(reply.body)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first)
        stop = min(size, int(last) + 1) if last else size
        if start >= size:
            reply.status, reply.body = 416, b""
            reply.headers["Content-Range"] = f"bytes */{size}"
            return b""
        reply.status = 206
        value = f"bytes {start}-{stop - 1}/{size}"
        assert parse_content_range(value) is not None
        if fault is not None and fault.kind == "content_range":
            value = fault.value
        reply.headers["Content-Range"] = value
        return reply.body[start:stop]

    def _head(self, reply: Reply, body: bytes, fault: Fault | None) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        length = len(body)
        if fault is not None and fault.kind == "length":
            length += fault.by_bytes
        if fault is not None and fault.kind == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(length))
        if reply.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if reply.etag:
            self.send_header("ETag", reply.etag)
        if fault is not None and fault.kind == "encoded":
            self.send_header("Content-Encoding", "gzip")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _body(self, request: HubRequest, body: bytes, fault: Fault | None) -> None:
        kind = fault.kind if fault is not None else ""
        end = len(body)
        if fault is not None and kind in ("cut", "stall"):
            end = min(end, fault.after_bytes)
        piece_bytes = _PIECE_BYTES
        if fault is not None and kind == "slow":
            piece_bytes = max(1, fault.bytes_per_s // 50)
        for start in range(0, end, piece_bytes):
            piece = body[start : min(end, start + piece_bytes)]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if kind == "chunked" else piece)
            request.sent_bytes += len(piece)
            if fault is not None and kind == "slow":
                self.wfile.flush()
                time.sleep(len(piece) / fault.bytes_per_s)
        if kind == "chunked":
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
        if kind == "stall":
            self.faults.release.wait()
        if kind in ("cut", "stall", "length"):
            self._end()

    def _end(self) -> None:
        """End the connection as a machine does that vanishes: with a reset."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
