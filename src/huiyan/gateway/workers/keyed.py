"""A request with an Idempotency-Key where several workers serve: whoever answered it first is read again."""

from __future__ import annotations

from collections.abc import Callable

from huiyan.errors import ConflictError, HuiyanError
from huiyan.gateway.answers import Answer, AnswerBook, Reader
from huiyan.gateway.relay import Sink
from huiyan.gateway.run import Work
from huiyan.gateway.workers.client import CoordinatorClient
from huiyan.gateway.workers.shared_answers import RemoteReader


class KeyedReader:
    """As `answers.Reader`, once it is known which worker has the answer. Tells `sink` only later.

    start: runs the request, where nobody has answered it yet. It raises what refuses it.
    """

    __slots__ = (
        "_answers",
        "_client",
        "_fingerprint",
        "_key",
        "_left",
        "_paused",
        "_reader",
        "_sink",
        "_start",
    )

    def __init__(
        self,
        client: CoordinatorClient,
        answers: AnswerBook,
        *,
        key: str,
        fingerprint: bytes,
        start: Callable[[Answer], Work],
        sink: Sink,
    ) -> None:
        self._client = client
        self._answers = answers
        self._key = key
        self._fingerprint = fingerprint
        self._start = start
        self._sink = sink
        self._reader: Reader | RemoteReader | None = None
        self._left = False
        self._paused = False
        self._claim()

    def cancel(self) -> None:
        """The client is gone."""
        self._left = True
        if self._reader is not None:
            self._reader.cancel()

    def pause(self) -> None:
        self._paused = True
        if self._reader is not None:
            self._reader.pause()

    def resume(self) -> None:
        self._paused = False
        if self._reader is not None:
            self._reader.resume()

    def _claim(self) -> None:
        """Also when the owner has forgotten the answer while it was asked for it."""
        self._reader = None
        if not self._left:
            self._client.claim(self._key, self._claimed)

    def _claimed(self, owner: int) -> None:
        mine = owner == self._client.worker
        if self._left:
            if mine and self._answers.get(self._key) is None:
                self._client.release(self._key)
            return
        if mine:
            try:
                self._reader = self._own_answer().attach(self._sink)
            except HuiyanError as error:
                self._sink.on_error(error)
                return
        else:
            self._reader = self._client.attach(self._key, self._fingerprint, self._sink, missing=self._claim)
        if self._paused:
            self._reader.pause()

    def _own_answer(self) -> Answer:
        """Raises: ConflictError, and what refuses the request."""
        answer = self._answers.get(self._key)
        if answer is None:
            # What refuses it takes the answer out of the book again, and with it the claim.
            return self._answers.open(self._key, self._fingerprint, self._start)
        if answer.fingerprint != self._fingerprint:
            raise ConflictError("This Idempotency-Key was used for another request.", param="Idempotency-Key")
        return answer
