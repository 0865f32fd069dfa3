"""Answers behind an Idempotency-Key that are read through another worker than the one that writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from huiyan.errors import ConflictError, HuiyanError
from huiyan.gateway.answers import Answer, AnswerBook, Reader
from huiyan.gateway.relay import Sink
from huiyan.gateway.workers import frames as f

Send = Callable[[f.Frame], None]


class RemoteReader:
    """The reading client's worker: what `answers.Reader` is where the answer is its own."""

    __slots__ = ("_forget", "_missing", "_send", "_sink", "number", "over")

    def __init__(
        self,
        number: int,
        sink: Sink,
        missing: Callable[[], None],
        forget: Callable[[int], None],
        send: Send,
    ) -> None:
        self.number = number
        self.over = False
        self._sink = sink
        self._missing = missing
        self._forget = forget
        self._send = send

    def pause(self) -> None:
        """The client is slow: the answer waits in its owner's memory, as it does for a client of its own."""
        self._send(f.Flow(self.number, 0, True))

    def resume(self) -> None:
        self._send(f.Flow(self.number, 0, False))

    def cancel(self) -> None:
        """The client is gone."""
        if not self.over:
            self._end()
            self._send(f.Detach(self.number, 0))

    def received(self, frame: f.Head | f.Chunk | f.End) -> None:
        if self.over:
            return
        match frame:
            case f.Head():
                self._sink.on_head(frame.status, frame.block, frame.length)
            case f.Chunk():
                self._sink.on_body(frame.data)
            case f.End():
                self._end()
                if frame.missing:
                    self._missing()
                elif frame.error is not None:
                    self._sink.on_error(f.unpack_error(frame.error))
                else:
                    self._sink.on_end()

    def _end(self) -> None:
        self.over = True
        self._forget(self.number)


class _Outlet:
    """The owner's end: a sink that sends."""

    __slots__ = ("_done", "_number", "_send", "_worker", "reader")

    def __init__(self, number: int, worker: int, send: Send, done: Callable[[int, int], None]) -> None:
        self._number = number
        self._worker = worker
        self._send = send
        self._done = done
        self.reader: Reader | None = None

    def on_head(self, status: int, block: bytes, length: int | None) -> None:
        self._send(f.Head(self._number, self._worker, status, block, length))

    def on_body(self, data: bytes) -> None:
        self._send(f.Chunk(self._number, self._worker, data))

    def on_end(self) -> None:
        self._done(self._worker, self._number)
        self._send(f.End(self._number, self._worker))

    def on_error(self, error: HuiyanError) -> None:
        self._done(self._worker, self._number)
        self._send(f.End(self._number, self._worker, error=f.pack_error(error)))


class AnswerHost:
    """Serves one worker's answers to the others."""

    def __init__(self, answers: AnswerBook, send: Send) -> None:
        self._answers = answers
        self._send = send
        self._outlets: dict[tuple[int, int], _Outlet] = {}

    def received(self, frame: f.Attach | f.Detach | f.Flow | f.Stop) -> None:
        match frame:
            case f.Attach():
                self._attach(frame)
            case f.Stop():
                self._answers.cancel(frame.key)
            case f.Detach():
                outlet = self._outlets.pop((frame.worker, frame.number), None)
                if outlet is not None and outlet.reader is not None:
                    outlet.reader.cancel()
            case f.Flow():
                outlet = self._outlets.get((frame.worker, frame.number))
                if outlet is not None and outlet.reader is not None:
                    (outlet.reader.pause if frame.paused else outlet.reader.resume)()

    def close(self) -> None:
        """Nobody reads any more."""
        outlets, self._outlets = self._outlets, {}
        for outlet in outlets.values():
            if outlet.reader is not None:
                outlet.reader.cancel()

    def _attach(self, frame: f.Attach) -> None:
        answer = self._answers.get(frame.key)
        if answer is None:
            self._send(f.End(frame.number, frame.worker, missing=True))
            return
        if answer.fingerprint != frame.fingerprint:
            conflict = ConflictError(
                "This Idempotency-Key was used for another request.", param="Idempotency-Key"
            )
            self._send(f.End(frame.number, frame.worker, error=f.pack_error(conflict)))
            return
        outlet = _Outlet(frame.number, frame.worker, self._send, self._done)
        self._outlets[frame.worker, frame.number] = outlet
        outlet.reader = answer.attach(outlet)

    def _done(self, worker: int, number: int) -> None:
        self._outlets.pop((worker, number), None)


class Releases(Protocol):
    def release(self, key: str) -> None: ...


class SharedAnswerBook(AnswerBook):
    """Tells the coordinator when it has forgotten an answer: then any worker may run it anew."""

    def __init__(self, client: Releases, *, grace_s: float, keep_s: float, max_bytes: int) -> None:
        super().__init__(grace_s=grace_s, keep_s=keep_s, max_bytes=max_bytes)
        self._client = client

    def forget(self, answer: Answer) -> None:
        was_kept = self.get(answer.key) is answer
        super().forget(answer)
        if was_kept:
            self._client.release(answer.key)
