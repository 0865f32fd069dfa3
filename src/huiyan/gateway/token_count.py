"""The engine's own tokenizer, asked with a callback."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from huiyan.engines.upstream import Headers, Pool
from huiyan.errors import EngineError

_MAX_BYTES = 64 * 1024 * 1024


class Tokens(msgspec.Struct):
    """llama.cpp's and vLLM's answer to /tokenize agree in this field."""

    tokens: list[int]


def question(text: str) -> bytes:
    """The body of `POST /tokenize` in both dialects."""
    return msgspec.json.encode({"content": text, "prompt": text, "add_special_tokens": False})


class TokenCounter:
    """`counter(text, done)`: `done` hears the number, or None where the engine cannot say."""

    __slots__ = ("_pool",)

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def __call__(self, text: str, done: Callable[[int | None], None]) -> None:
        self._pool.send("POST", "/tokenize", _Answer(done), body=(question(text),))


class _Answer:
    __slots__ = ("_body", "_done", "_status")

    def __init__(self, done: Callable[[int | None], None]) -> None:
        self._done = done
        self._status = 0
        self._body = bytearray()

    def on_head(self, status: int, headers: Headers) -> None:
        self._status = status

    def on_body(self, data: bytes) -> None:
        if len(self._body) <= _MAX_BYTES:
            self._body += data

    def on_end(self) -> None:
        if self._status != 200 or len(self._body) > _MAX_BYTES:
            self._done(None)
            return
        try:
            count = len(msgspec.json.decode(self._body, type=Tokens).tokens)
        except msgspec.DecodeError:
            self._done(None)
        else:
            self._done(count)

    def on_error(self, error: EngineError) -> None:
        self._done(None)
