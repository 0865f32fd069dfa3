"""Streams chat requests to the gateway or to the engine behind it, and times every token.

Used by end_to_end.py in a process of its own, so that the client takes no time from what it measures.
"""

from __future__ import annotations

import asyncio
import base64
import io
import random
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from PIL import Image

from huiyan.engines.status import EngineEndpoint
from huiyan.engines.upstream import Headers, Pool
from huiyan.errors import EngineError

PATH = "/v1/chat/completions"


def picture(width: int, height: int, seed: int) -> str:
    """A photograph-like JPEG as a data URL: smooth noise that neither compresses to nothing nor repeats."""
    rng = random.Random(seed)
    small = Image.new("RGB", (width // 16, height // 16))
    small.putdata(
        [
            (rng.randrange(256), rng.randrange(256), rng.randrange(256))
            for _ in range(small.width * small.height)
        ]
    )
    out = io.BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(out, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def body(model: str, pictures: Sequence[str], tokens: int, seed: int) -> bytes:
    content: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
    content.append({"type": "text", "text": f"{seed}: 请详细描述，并写一段商品文案。"})
    return msgspec.json.encode(
        {
            "model": model,
            "messages": [{"role": "user", "content": content}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": tokens,
            "ignore_eos": True,
            "temperature": 0.7,
            "seed": seed,
        }
    )


@dataclass
class Answer:
    """Times in seconds. gaps_s: between chunks with text."""

    sent_s: float
    first_s: float | None = None
    last_s: float = 0.0
    gaps_s: list[float] = field(default_factory=list)
    tokens: int = 0
    prompt_tokens: int = 0
    error: str = ""

    @property
    def ttft_s(self) -> float:
        return (self.first_s or float("inf")) - self.sent_s


class _Listener:
    def __init__(self, done: asyncio.Future[Answer]) -> None:
        self.done = done
        self.answer = Answer(time.perf_counter())
        self._pending = b""
        self._status = 0

    def on_head(self, status: int, headers: Headers) -> None:
        self._status = status

    def on_body(self, data: bytes) -> None:
        now = time.perf_counter()
        answer = self.answer
        *events, self._pending = (self._pending + data).split(b"\n\n")
        for event in events:
            if not event.startswith(b"data: {"):
                continue
            chunk = msgspec.json.decode(event[6:])
            if usage := chunk.get("usage"):
                answer.tokens, answer.prompt_tokens = usage["completion_tokens"], usage["prompt_tokens"]
            if chunk.get("choices") and chunk["choices"][0].get("delta", {}).get("content"):
                if answer.first_s is None:
                    answer.first_s = now
                else:
                    answer.gaps_s.append(now - answer.last_s)
                answer.last_s = now

    def on_end(self) -> None:
        if self._status != 200:
            self.answer.error = f"HTTP {self._status} {self._pending[:300]!r}"
        if not self.done.done():
            self.done.set_result(self.answer)

    def on_error(self, error: EngineError) -> None:
        self.answer.error = error.message
        if not self.done.done():
            self.done.set_result(self.answer)


class Client:
    """One target. All its requests go through one pool of kept connections."""

    def __init__(self, endpoint: EngineEndpoint) -> None:
        self.pool = Pool(endpoint)

    async def ask(self, request: bytes) -> Answer:
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        listener = _Listener(done)
        self.pool.send("POST", PATH, listener, body=(request,))
        return await done

    async def ask_all(self, requests: Iterable[bytes]) -> tuple[list[Answer], float]:
        """All at once; the answers and the seconds that it took."""
        began = time.perf_counter()
        answers = await asyncio.gather(*(self.ask(request) for request in requests))
        return list(answers), time.perf_counter() - began


def median_ms(values: Iterable[float]) -> float:
    known = list(values)
    return round(1000 * statistics.median(known), 2) if known else float("nan")
