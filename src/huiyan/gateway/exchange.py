"""One request on the hot path, from its headers to the last byte of its answer, without a task.

    headers → (refused | body) → admitted → run on the engine, or an answer that is kept → written

It stands where uvicorn's `RequestResponseCycle` stands, and has the attributes that uvicorn's
protocol looks at: `response_complete`, `disconnected`, `keep_alive`, `message_event`.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Protocol

from huiyan.engines.upstream import Headers
from huiyan.errors import (
    ConflictError,
    HuiyanError,
    PayloadTooLargeError,
    RequestError,
    UnsupportedMediaTypeError,
)
from huiyan.gateway import headers as http
from huiyan.gateway import sse
from huiyan.gateway.access.principal import NOBODY, Principal, Scope
from huiyan.gateway.access_log import AccessLog
from huiyan.gateway.admission import admit_chat, admit_completion
from huiyan.gateway.answers import Reader
from huiyan.gateway.errors import body_of, headers_of, status_of, unexpected
from huiyan.gateway.finished import Finished
from huiyan.gateway.form import Form, FormReader
from huiyan.gateway.multipart import FormLimits
from huiyan.gateway.relay import CHAT
from huiyan.gateway.run import CLIENT_GONE, Asked, Run
from huiyan.gateway.service import Gateway
from huiyan.gateway.workers.keyed import KeyedReader
from huiyan.log import get_logger

_log = get_logger(__name__)

#: A refused upload is read and thrown away for this long: closing at once would reset the connection
#: before the client has read why.
_LINGER_S = 10.0


#: Of the request's headers; who it comes from is the door's to read.
_READ = frozenset(
    {b"x-request-id", b"content-type", b"content-length", b"idempotency-key", b"x-huiyan-timeout-s"}
)


class _NoEvent:
    """uvicorn sets an event on its cycles when something arrives; nobody waits for one here."""

    def set(self) -> None: ...


class Connection(Protocol):
    """What an exchange needs of the protocol that it runs on."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    peer: str
    secure: bool
    gateway: Gateway
    access_log: AccessLog

    def default_headers(self) -> Headers: ...

    def expect_body(self, timeout_s: float) -> None: ...

    def body_over(self) -> None: ...

    def exchange_done(self, exchange: Exchange) -> None: ...


class Exchange:
    """Created when a hot route's headers are complete; `start` when its turn on the connection has come."""

    message_event = _NoEvent()

    # What an exchange begins with stands here once: most are over before half of it has changed.
    response_complete = False
    disconnected = False
    request_id = ""
    _started = False
    _form: FormReader | None = None
    _deadline_s: float | None = None
    _ran = False
    _body_bytes = 0
    _body_complete = False
    _refusal: HuiyanError | None = None
    _source: Run | Reader | KeyedReader | None = None
    _head_written = False
    _paused = False
    _length: int | None = None
    _sent_bytes = 0
    _stream = False
    _boundary: sse.Boundary
    _head = b""
    _status = 0
    _note = ""
    _idempotency_key: bytes | None = None
    _principal = NOBODY
    _cors: Headers

    def __init__(
        self,
        connection: Connection,
        *,
        path: str,
        headers: Headers,
        http_version: str,
        keep_alive: bool,
        expect_continue: bool,
    ) -> None:
        gateway = connection.gateway
        self._connection = connection
        self._gateway = gateway
        self._loop = connection.loop
        self.path = path
        self.keep_alive = keep_alive and http_version == "1.1"
        self._chunked = http_version == "1.1"
        self._expect_continue = expect_continue
        self._started_s = self._loop.time()
        self._body: list[bytes] = []
        gateway.active += 1
        self._read_headers(headers)

    # What the connection reports.

    def start(self) -> None:
        """The answers before this one are written: this one may be."""
        self._started = True
        if self._refusal is not None:
            self._respond_error(self._refusal)
        elif self._body_complete:
            self._process()
        else:
            if self._expect_continue:
                self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._connection.expect_body(self._gateway.options.body_timeout_s)

    def feed(self, data: bytes) -> None:
        """A piece of the request's body."""
        if self._refusal is not None or self.response_complete:
            return
        self._body_bytes += len(data)
        if self._body_bytes > self._gateway.options.max_body_bytes:
            self._refuse(self._too_large())
            return
        if self._form is None:
            self._body.append(data)
        else:
            try:
                self._form.feed(data)
            except RequestError as error:
                self._refuse(error)
                return
        if self._started:
            self._connection.expect_body(self._gateway.options.body_timeout_s)

    def refuse(self, error: HuiyanError) -> bool:
        """Answer with this unless an answer has begun or was given. False: nothing was written."""
        if self._head_written or self.response_complete or not self._started:
            return False
        self._respond_error(error)
        return True

    def complete(self) -> None:
        """The request's body is whole."""
        self._body_complete = True
        if self._started:
            self._connection.body_over()
        if self.response_complete:
            if not self.keep_alive:
                self._connection.transport.close()
        elif self._started and self._refusal is None:
            self._process()

    def lost(self) -> None:
        """The client is gone."""
        self.disconnected = True
        self._body.clear()
        self._drop_form()
        if not self.response_complete:
            self._note = "client gone"
            self._finish()
            source, self._source = self._source, None
            if source is not None:
                source.cancel()

    def _drop_form(self) -> None:
        if self._form is not None:
            self._form.drop()
            self._form = None

    def body_timed_out(self) -> None:
        """The rest of the request's body did not come in time."""
        timeout_s = self._gateway.options.body_timeout_s
        self._refuse(
            RequestError(f"The request's body stopped for {timeout_s:.0f} s.", hint="Send it again.")
        )

    def pause(self) -> None:
        """The client reads slower than the engine writes."""
        self._paused = True
        if self._source is not None:
            self._source.pause()

    def resume(self) -> None:
        self._paused = False
        if self._source is not None:
            self._source.resume()

    # Reading the request.

    def _read_headers(self, headers: Headers) -> None:
        options = self._gateway.options
        content_type = b""
        for name, value in headers:
            if name not in _READ:
                pass
            elif name == b"x-request-id":
                self.request_id = http.valid_request_id(value) or ""
            elif name == b"content-type":
                content_type = value
            elif name == b"content-length" and int(value) > options.max_body_bytes:
                self._refusal = self._too_large()
            elif name == b"idempotency-key":
                self._idempotency_key = value
            elif name == b"x-huiyan-timeout-s":
                self._deadline_s = http.valid_timeout_s(value)
                if self._deadline_s is None:
                    self._refusal = RequestError(
                        "The header X-Huiyan-Timeout-S holds no number of seconds above 0.",
                        hint="Send for example 30, or leave it out.",
                        param="X-Huiyan-Timeout-S",
                    )
        self.request_id = self.request_id or self._gateway.new_request_id()
        if content_type != b"application/json":
            self._refusal = self._refusal or self._read_content_type(content_type)
        door = self._gateway.access.door
        connection = self._connection
        found = door.check(
            headers, method=b"POST", peer=connection.peer, secure=connection.secure, scope=Scope.CHAT
        )
        if isinstance(found, Principal):
            self._principal = found
        else:
            self._refusal = found
        self._cors = door.cors.headers(headers)

    def _read_content_type(self, content_type: bytes) -> RequestError | None:
        media_type = content_type.partition(b";")[0].strip().lower()
        if media_type in (b"application/json", b""):
            return None
        if media_type != b"multipart/form-data" or self.path != CHAT:
            forms = " or multipart/form-data" if self.path == CHAT else ""
            return UnsupportedMediaTypeError(
                f"{media_type.decode('latin-1')!r} is not read here.", hint=f"Send application/json{forms}."
            )
        options = self._gateway.options
        limits = FormLimits(
            max_total_bytes=options.max_body_bytes,
            max_file_bytes=options.max_image_bytes,
            max_request_bytes=options.max_body_bytes,
            max_files=options.max_images,
        )
        try:
            self._form = FormReader(content_type, limits)
        except RequestError as error:
            return error
        return None

    def _too_large(self) -> PayloadTooLargeError:
        return PayloadTooLargeError(
            f"The request is larger than the limit of {self._gateway.options.max_body_bytes:,} bytes.",
            hint="Send fewer or smaller pictures.",
        )

    def _refuse(self, error: HuiyanError) -> None:
        self._refusal = error
        self._body.clear()
        self._drop_form()
        if self._started:
            self._respond_error(error)

    def _process(self) -> None:
        try:
            self._admit()
        except HuiyanError as error:
            self._respond_error(error)
        except Exception:  # noqa: BLE001  # a task boundary: the client gets an answer whatever happened
            _log.exception("unforeseen", extra={"request_id": self.request_id})
            self._respond_error(unexpected())

    def _admit(self) -> None:
        gateway = self._gateway
        body, form = self._take_body()
        if self.path == CHAT:
            admitted = admit_chat(body, gateway.model, max_images=gateway.options.max_images)
            if form is not None:
                admitted.files = form.files
        else:
            admitted = admit_completion(body, gateway.model)
        if admitted.stream:
            self._stream = True
            self._boundary = sse.Boundary()
        asked = Asked(
            path=self.path,
            admitted=admitted,
            principal=self._principal,
            request_id=self.request_id,
            received_bytes=self._body_bytes,
            started_s=self._started_s,
            deadline_s=self._deadline_s,
        )
        if self._idempotency_key is not None:
            fingerprint = (
                form.fingerprint
                if form is not None
                else hashlib.blake2b(admitted.body, digest_size=16).digest()
            )
            self._source = self._keyed(self._idempotency_key, fingerprint, asked)
        else:
            self._ran = True
            self._source = gateway.run(asked, self)
        if self._paused:
            self._source.pause()

    def _take_body(self) -> tuple[bytes, Form | None]:
        """The request's JSON, and the form that it came in."""
        reader, self._form = self._form, None
        pieces, self._body = self._body, []
        if reader is None:
            return (pieces[0] if len(pieces) == 1 else b"".join(pieces)), None
        form = reader.finish()
        return form.request, form

    def _keyed(self, header: bytes, fingerprint: bytes, asked: Asked) -> Reader | KeyedReader:
        gateway = self._gateway
        key = http.valid_idempotency_key(header)
        if key is None:
            raise RequestError(
                "The Idempotency-Key is not 1 to 200 visible ASCII characters.",
                hint="Use a UUID.",
                param="Idempotency-Key",
            )
        # Another key's holder must not read this one's answers.
        key = f"{self._principal.id} {key}"
        answer = gateway.answers.get(key)
        self._ran = True
        if answer is None and gateway.shared is not None:
            # Another worker may have it.
            return KeyedReader(
                gateway.shared,
                gateway.answers,
                key=key,
                fingerprint=fingerprint,
                start=lambda sink: gateway.run(asked, sink),
                sink=self,
            )
        if answer is None:
            answer = gateway.answers.open(key, fingerprint, lambda sink: gateway.run(asked, sink))
        elif answer.fingerprint != fingerprint:
            raise ConflictError("This Idempotency-Key was used for another request.", param="Idempotency-Key")
        else:
            self._note = "read again"
        return answer.attach(self)

    # Sink: the answer on its way to the client.

    def on_head(self, status: int, headers: Headers, length: int | None) -> None:
        framing: Headers
        if length is not None:
            self._length = length
            framing = [(b"content-length", b"%d" % length)]
        elif self._chunked:
            framing = [(b"transfer-encoding", b"chunked")]
        else:
            framing = []
            self.keep_alive = False
        if self._stream:
            framing += [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
        self._write_head(status, headers, framing, wait_for_body=length is not None)

    def on_body(self, data: bytes) -> None:
        if self.response_complete or not data:
            return
        self._sent_bytes += len(data)
        if self._stream:
            self._boundary.feed(data)
        if self._length is None and self._chunked:
            self._connection.transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
        elif self._head:
            self._connection.transport.writelines((self._head, data))
            self._head = b""
        else:
            self._connection.transport.write(data)

    def on_end(self) -> None:
        if self.response_complete:
            return
        if self._head:
            self._connection.transport.write(self._head)
        if self._length is not None and self._sent_bytes != self._length:
            # The promised length cannot be kept: only a broken connection says so (RFC 9112, 6.3).
            self._note = "shorter than promised"
            self._finish()
            self._connection.transport.abort()
            return
        if self._length is None and self._chunked:
            self._connection.transport.write(b"0\r\n\r\n")
        self._finish()

    def on_error(self, error: HuiyanError) -> None:
        if self.response_complete:
            return
        if not self._head_written:
            self._respond_error(error)
            return
        self._note = error.code
        if self._stream and self._length is None and self._boundary.clean:
            # The status is spent: say it in the stream, and never a [DONE].
            self.on_body(sse.event(body_of(error, self.request_id)))
            self.on_end()
        else:
            # In the middle of an event or of a body of promised length: a clean end would be a lie.
            if self._head:
                self._connection.transport.write(self._head)
            self._finish()
            self._connection.transport.abort()

    # Writing.

    def _write_head(self, status: int, *groups: Headers, wait_for_body: bool = False) -> None:
        """wait_for_body: it is at hand; head and body in one write save a system call."""
        self._head_written = True
        self._status = status
        own: Headers = [(b"x-request-id", self.request_id.encode("ascii"))]
        if not self.keep_alive:
            own.append((b"connection", b"close"))
        head = http.head(status, self._connection.default_headers(), *groups, own, self._cors)
        if wait_for_body:
            self._head = head
        else:
            self._connection.transport.write(head)

    def _respond_error(self, error: HuiyanError) -> None:
        if self.response_complete or self.disconnected:
            return
        self._connection.body_over()
        if not self._body_complete:
            self.keep_alive = False
        body = body_of(error, self.request_id)
        framing = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        self._write_head(status_of(error), framing, headers_of(error), wait_for_body=True)
        self._connection.transport.writelines((self._head, body))
        self._head = b""
        self._sent_bytes = len(body)
        self._note = error.code
        if not self._ran:
            self._tell_refused(status_of(error), error.code)
        self._finish()

    def _tell_refused(self, status: int, code: str) -> None:
        """What came to a run is told of by the run."""
        self._gateway.finished(
            Finished(
                request_id=self.request_id,
                principal=self._principal,
                path=self.path,
                status=status,
                stream=self._stream,
                duration_s=self._loop.time() - self._started_s,
                first_byte_s=None,
                queued_s=0.0,
                decode_s=0.0,
                received_bytes=self._body_bytes,
                sent_bytes=self._sent_bytes,
                images=0,
                chunks=0,
                prompt_tokens=0,
                completion_tokens=0,
                granted_tokens=None,
                budget="",
                error_code=code,
                backend="",
            )
        )

    def _finish(self) -> None:
        self.response_complete = True
        if not self.disconnected:
            # It refers back to this exchange: neither shall wait for the garbage collector.
            self._source = None
        self._gateway.active -= 1
        self._connection.access_log.write(
            method="POST",
            path=self.path,
            status=self._status or CLIENT_GONE,
            request_id=self.request_id,
            duration_s=self._loop.time() - self._started_s,
            sent_bytes=self._sent_bytes,
            note=self._note,
        )
        if self.disconnected:
            return
        if not self._body_complete:
            self._loop.call_later(_LINGER_S, self._connection.transport.close)
            return
        if not self.keep_alive:
            self._connection.transport.close()
        self._connection.exchange_done(self)
