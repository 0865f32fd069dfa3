"""One request on the hot path, from its headers to the last byte of its answer, without a task.

    headers → (refused | body) → admitted → run on the engine, or an answer that is kept → written

It stands where uvicorn's `RequestResponseCycle` stands, and has the attributes that uvicorn's
protocol looks at: `response_complete`, `disconnected`, `keep_alive`, `message_event`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Protocol

from huiyan.errors import ConflictError, HuiyanError, RequestError
from huiyan.gateway import headers as http
from huiyan.gateway import sse
from huiyan.gateway.access_log import AccessLog
from huiyan.gateway.admission import admit_chat, admit_completion
from huiyan.gateway.answers import Reader
from huiyan.gateway.body_turns import LARGE_BYTES
from huiyan.gateway.errors import body_of, headers_of, status_of, unexpected
from huiyan.gateway.finished import Finished
from huiyan.gateway.form import Form, FormReader
from huiyan.gateway.relay import CHAT
from huiyan.gateway.request_head import RequestHead, too_large
from huiyan.gateway.run import CLIENT_GONE, Asked, Work
from huiyan.gateway.service import Gateway
from huiyan.gateway.workers.keyed import KeyedReader
from huiyan.log import get_logger

_log = get_logger(__name__)

#: A refused upload is read and thrown away for this long: closing at once would reset the connection
#: before the client has read why.
_LINGER_S = 10.0

#: Up to here, one copy is cheaper than a list for the system to gather.
_SMALL_BYTES = 16 * 1024


class _NoEvent:
    """uvicorn sets an event on its cycles when something arrives; nobody waits for one here."""

    def set(self) -> None: ...


class Connection(Protocol):
    """What an exchange needs of the protocol that it runs on."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    gateway: Gateway
    access_log: AccessLog

    def default_block(self) -> bytes: ...

    def expect_body(self, timeout_s: float) -> None: ...

    def body_over(self) -> None: ...

    def hold_body(self) -> None: ...

    def go_on_with_body(self) -> None: ...

    def exchange_done(self, exchange: Exchange) -> None: ...


class Exchange:
    """Created when a hot route's headers are complete; `start` when its turn on the connection has come."""

    message_event = _NoEvent()

    # What an exchange begins with stands here once: most are over before half of it has changed.
    response_complete = False
    disconnected = False
    _started = False
    _form: FormReader | None = None
    _ran = False
    _body_bytes = 0
    _body_complete = False
    #: Its body is a large one: it takes its turn among them.
    _large = False
    _body: Sequence[bytes] = ()
    _source: Work | Reader | KeyedReader | None = None
    _head_written = False
    _paused = False
    _length: int | None = None
    _sent_bytes = 0
    _stream = False
    _boundary: sse.Boundary
    _head = b""
    _status = 0
    _note = ""

    def __init__(self, connection: Connection, head: RequestHead) -> None:
        self._connection = connection
        self._gateway = gateway = connection.gateway
        self._loop = connection.loop
        self._asked_by = head
        self.path = head.path
        self.keep_alive = head.keep_alive
        self.request_id = head.request_id or gateway.new_request_id()
        self._refusal: HuiyanError | None = head.refusal
        if head.form is not None:
            self._form = head.form
        self._started_s = self._loop.time()
        gateway.active += 1

    # What the connection reports.

    def start(self) -> None:
        """The answers before this one are written: this one may be."""
        self._started = True
        if self._refusal is not None:
            self._respond_error(self._refusal)
        elif self._body_complete:
            self._process()
        else:
            if self._asked_by.expect_continue:
                self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._connection.expect_body(self._gateway.options.body_timeout_s)

    def feed(self, data: bytes) -> None:
        """A piece of the request's body."""
        if self._refusal is not None or self.response_complete:
            return
        self._body_bytes += len(data)
        if self._body_bytes > self._gateway.options.max_body_bytes:
            self._refuse(too_large(self._gateway.options))
            return
        if self._form is None:
            pieces = self._body
            if isinstance(pieces, list):
                pieces.append(data)
            else:
                self._body = [*pieces, data]
        else:
            try:
                self._form.feed(data)
            except RequestError as error:
                self._refuse(error)
                return
        if self._started:
            self._connection.expect_body(self._gateway.options.body_timeout_s)
            if self._body_bytes > LARGE_BYTES and not self._large:
                self._large = True
                self._gateway.body_turns.enter(self)

    def feed_whole(self, data: bytes) -> None:
        """All of the request's body at once, before `start`."""
        self._body_bytes = len(data)
        self._body = (data,)
        self._body_complete = True

    # Receiving: its turn among large bodies.

    @property
    def received_bytes(self) -> int:
        return self._body_bytes

    def hold(self) -> None:
        self._connection.hold_body()

    def go_on(self) -> None:
        self._connection.go_on_with_body()

    def _leave_turns(self) -> None:
        if self._large:
            self._gateway.body_turns.leave(self)

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
        self._body = ()
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

    def _refuse(self, error: HuiyanError) -> None:
        self._refusal = error
        self._body = ()
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
        head = self._asked_by
        asked = Asked(
            self.path,
            admitted,
            head.principal,
            self.request_id,
            self._body_bytes,
            self._started_s,
            head.deadline_s,
        )
        if self._large:
            asked.when_sent = self._leave_turns
        if head.idempotency_key is not None:
            fingerprint = (
                form.fingerprint
                if form is not None
                else hashlib.blake2b(admitted.body, digest_size=16).digest()
            )
            self._source = self._keyed(head.idempotency_key, fingerprint, asked)
        else:
            self._ran = True
            self._source = gateway.run(asked, self)
        if self._paused:
            self._source.pause()
        if asked.when_sent is not None:
            # Pictures are decoded first, or it waits for something else: others need not wait for that.
            self._leave_turns()

    def _take_body(self) -> tuple[bytes, Form | None]:
        """The request's JSON, and the form that it came in."""
        reader, self._form = self._form, None
        pieces, self._body = self._body, ()
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
        key = f"{self._asked_by.principal.id} {key}"
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

    def on_head(self, status: int, block: bytes, length: int | None) -> None:
        if length is not None:
            self._length = length
            framing = b"content-length: %d\r\n" % length
        elif self._asked_by.chunked:
            framing = b"transfer-encoding: chunked\r\n"
        else:
            framing = b""
            self.keep_alive = False
        if self._stream:
            framing += b"cache-control: no-cache\r\nx-accel-buffering: no\r\n"
        head = self._head_of(status, block, framing)
        if length is None:
            self._connection.transport.write(head)
        else:
            # The body is at hand: both in one write save a system call.
            self._head = head

    def on_body(self, data: bytes) -> None:
        if self.response_complete or not data:
            return
        self._sent_bytes += len(data)
        if self._stream:
            self._boundary.feed(data)
        if self._length is None and self._asked_by.chunked:
            if len(data) < _SMALL_BYTES:
                self._connection.transport.write(b"%x\r\n%b\r\n" % (len(data), data))
            else:
                self._connection.transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
        elif self._head:
            head, self._head = self._head, b""
            if len(data) < _SMALL_BYTES:
                self._connection.transport.write(head + data)
            else:
                self._connection.transport.writelines((head, data))
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
        if self._length is None and self._asked_by.chunked:
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

    def _head_of(self, status: int, block: bytes, framing: bytes) -> bytes:
        """block, framing: lines of headers."""
        self._head_written = True
        self._status = status
        return b"%b%b%b%bx-request-id: %b\r\n%b%b%b" % (
            http.status_line(status),
            self._connection.default_block(),
            block,
            framing,
            self.request_id.encode("ascii"),
            b"" if self.keep_alive else b"connection: close\r\n",
            self._asked_by.block,
            http.END,
        )

    def _respond_error(self, error: HuiyanError) -> None:
        if self.response_complete or self.disconnected:
            return
        self._connection.body_over()
        if not self._body_complete:
            self.keep_alive = False
        body = body_of(error, self.request_id)
        framing = b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body)
        head = self._head_of(status_of(error), http.block(headers_of(error)), framing)
        self._connection.transport.writelines((head, body))
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
                principal=self._asked_by.principal,
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
        self._leave_turns()
        if not self.disconnected:
            # It refers back to this exchange: neither shall wait for the garbage collector.
            self._source = None
        self._gateway.active -= 1
        self._connection.access_log.write(
            "POST",
            self.path,
            self._status or CLIENT_GONE,
            self.request_id,
            self._loop.time() - self._started_s,
            self._sent_bytes,
            self._note,
        )
        if self.disconnected:
            return
        if not self._body_complete:
            self._loop.call_later(_LINGER_S, self._connection.transport.close)
            return
        if not self.keep_alive:
            self._connection.transport.close()
        self._connection.exchange_done(self)
