"""Answers that outlive their reader: the buffer behind `Idempotency-Key`.

A send that carries a key is run once. Its answer is kept in memory while it is written and for a
while after, and the same key reads it again from its beginning: a reload or a lost connection loses
nothing. Without a reader a running answer goes on for a grace period, then is cancelled. An answer
that failed is forgotten at once, so that the same key may run again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from huiyan.errors import EngineError, HuiyanError
from huiyan.gateway.relay import Sink
from huiyan.gateway.run import Work

_ONE_ANSWER_SHARE = 4  # one answer may take a quarter of the whole budget


class Reader:
    """One client's place in an answer."""

    __slots__ = ("_answer", "_next", "_paused", "_told_end", "_told_head", "sink")

    def __init__(self, answer: Answer, sink: Sink) -> None:
        self._answer = answer
        self.sink = sink
        self._next = 0
        self._paused = False
        self._told_head = False
        self._told_end = False

    def pause(self) -> None:
        """The client is slow: it catches up from the buffer later."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self.catch_up()

    def cancel(self) -> None:
        """The client is gone."""
        self._answer.detach(self)

    def catch_up(self) -> None:
        """Hand on whatever this reader has not had yet."""
        answer, sink = self._answer, self.sink
        if answer.head is not None and not self._told_head:
            self._told_head = True
            sink.on_head(*answer.head)
        while self._told_head and self._next < len(answer.chunks) and not self._paused:
            self._next += 1
            sink.on_body(answer.chunks[self._next - 1])
        if self._told_end or self._paused or self._next < len(answer.chunks):
            return
        if answer.error is not None:
            self._told_end = True
            sink.on_error(answer.error)
        elif answer.complete:
            self._told_end = True
            sink.on_end()


class Answer:
    """One answer, being written or done. It is the sink of its run."""

    def __init__(self, book: AnswerBook, key: str, fingerprint: bytes) -> None:
        self._book = book
        self.key = key
        self.fingerprint = fingerprint
        self.run: Work | None = None
        self.head: tuple[int, bytes, int | None] | None = None
        self.chunks: list[bytes] = []
        self.size_bytes = 0
        self.complete = False
        self.error: HuiyanError | None = None
        self.timer: asyncio.TimerHandle | None = None
        self._readers: list[Reader] = []

    def attach(self, sink: Sink) -> Reader:
        """Add a reader. It gets what there is in the next turn of the loop, then follows."""
        reader = Reader(self, sink)
        self._readers.append(reader)
        if not self.over:
            self._book.cancel_timer(self)
        self._book.loop.call_soon(reader.catch_up)
        return reader

    def detach(self, reader: Reader) -> None:
        if reader in self._readers:
            self._readers.remove(reader)
        if not self._readers and not self.over:
            self._book.start_grace(self)

    @property
    def over(self) -> bool:
        return self.complete or self.error is not None

    def on_head(self, status: int, block: bytes, length: int | None) -> None:
        self.head = (status, block, length)
        self._wake()

    def on_body(self, data: bytes) -> None:
        self.chunks.append(data)
        self.size_bytes += len(data)
        if not self._book.make_room(self, len(data)):
            self.on_error(
                EngineError("The answer is larger than the gateway keeps.", hint="Ask for a shorter one.")
            )
            if self.run is not None:
                self.run.cancel()
            return
        self._wake()

    def on_end(self) -> None:
        self.complete = True
        self._book.finished(self)
        self._wake()

    def on_error(self, error: HuiyanError) -> None:
        if self.over:
            return
        self.error = error
        self._book.forget(self)
        self._wake()

    def _wake(self) -> None:
        for reader in list(self._readers):
            reader.catch_up()


class AnswerBook:
    """All answers with a key. Bounded in time and bytes; finished ones give way first, oldest first."""

    def __init__(self, *, grace_s: float, keep_s: float, max_bytes: int) -> None:
        self.loop = asyncio.get_running_loop()
        self._grace_s = grace_s
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._total_bytes = 0
        self._answers: dict[str, Answer] = {}

    def get(self, key: str) -> Answer | None:
        return self._answers.get(key)

    def open(self, key: str, fingerprint: bytes, start: Callable[[Answer], Work]) -> Answer:
        """Enter a new answer and start its run. Raises what `start` raises; then nothing is entered."""
        answer = Answer(self, key, fingerprint)
        self._answers[key] = answer
        try:
            answer.run = start(answer)
        except BaseException:
            self.forget(answer)
            raise
        return answer

    def cancel(self, key: str) -> bool:
        """Stop a running answer because its user said so. What is written stays. False: no such key."""
        answer = self._answers.get(key)
        if answer is None:
            return False
        if not answer.over:
            if answer.run is not None:
                answer.run.cancel()
            if answer.head is None or answer.head[2] is not None:
                # Nothing to keep: no byte yet, or a body whose promised length cannot be met.
                answer.on_error(EngineError("The request was stopped.", hint=""))
            else:
                answer.on_end()
        return True

    @property
    def running(self) -> int:
        return sum(not answer.over for answer in self._answers.values())

    @property
    def total_bytes(self) -> int:
        return self._total_bytes

    def close(self) -> None:
        for answer in list(self._answers.values()):
            self.forget(answer)
            if answer.run is not None and not answer.over:
                answer.run.cancel()

    # What answers report.

    def start_grace(self, answer: Answer) -> None:
        self.cancel_timer(answer)
        answer.timer = self.loop.call_later(self._grace_s, self._give_up, answer)

    def cancel_timer(self, answer: Answer) -> None:
        if answer.timer is not None:
            answer.timer.cancel()
            answer.timer = None

    def finished(self, answer: Answer) -> None:
        self.cancel_timer(answer)
        if self._answers.get(answer.key) is answer:
            answer.timer = self.loop.call_later(self._keep_s, self.forget, answer)

    def forget(self, answer: Answer) -> None:
        self.cancel_timer(answer)
        if self._answers.get(answer.key) is answer:
            del self._answers[answer.key]
            self._total_bytes -= answer.size_bytes

    def make_room(self, answer: Answer, added_bytes: int) -> bool:
        """Account for bytes just added to `answer`. False: there is no room for them."""
        if self._answers.get(answer.key) is not answer:
            return answer.size_bytes <= self._max_bytes // _ONE_ANSWER_SHARE
        self._total_bytes += added_bytes
        if answer.size_bytes > self._max_bytes // _ONE_ANSWER_SHARE:
            return False
        while self._total_bytes > self._max_bytes:
            oldest = next((other for other in self._answers.values() if other.complete), None)
            if oldest is None:
                return False
            self.forget(oldest)
        return True

    def _give_up(self, answer: Answer) -> None:
        if answer.run is not None and not answer.over:
            answer.run.cancel()
        self.forget(answer)
