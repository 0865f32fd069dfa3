"""The first requests of each kind make vLLM compile kernels: these are asked before anybody else asks.

Seen without it: a first token after 12 s (95th percentile) at 16 requests at once (docs/concepts/engines.md).
"""

from __future__ import annotations

import asyncio
import base64
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from huiyan.engines.status import EngineEndpoint, ModelCard
from huiyan.engines.upstream import Pool
from huiyan.errors import EngineError, StartFailedError
from huiyan.messages import refusal

#: Pictures as people send them: (width, height) in pixels.
_USUAL_SIZES: Final = ((512, 512), (1024, 768), (1920, 1080))
_AT_ONCE: Final = (2, 4, 8, 16)
#: Left free of pictures for the question and the answer.
_TEXT_TOKENS: Final = 256
_ANSWER_TOKENS: Final = 8
_PIXELS_PER_TOKEN_SIDE: Final = 32


class WarmUpStep(NamedTuple):
    """`at_once` equal requests with `pictures` pictures of `size` (width, height in pixels) each."""

    pictures: int
    size: tuple[int, int]
    at_once: int = 1


def tokens_of(size: tuple[int, int], card: ModelCard) -> int:
    """Visual tokens of a picture, within the card's bounds."""
    width, height = (max(1, round(side / _PIXELS_PER_TOKEN_SIDE)) for side in size)
    return min(card.image_max_tokens, max(card.image_min_tokens, width * height))


def steps(card: ModelCard, *, max_num_seqs: int | None = None) -> list[WarmUpStep]:
    """Text, each usual size, as many pictures as a request may have, and several requests at once."""
    room = card.context_tokens - _TEXT_TOKENS
    sizes = [size for size in _USUAL_SIZES if tokens_of(size, card) <= room] or [_USUAL_SIZES[0]]
    chosen = [WarmUpStep(0, (0, 0)), *(WarmUpStep(1, size) for size in sizes)]
    largest = sizes[-1]
    most = min(card.max_images, room // tokens_of(largest, card))
    chosen += [WarmUpStep(count, largest) for count in sorted({min(3, most), most}) if count > 1]
    bound = _AT_ONCE[-1] if max_num_seqs is None else max_num_seqs
    usual = sizes[min(1, len(sizes) - 1)]
    chosen += [WarmUpStep(1, usual, count) for count in _AT_ONCE if count <= bound]
    # Without pictures other kernels run: the first sixteen texts at once took four times as long as the next.
    chosen += [WarmUpStep(0, (0, 0), count) for count in _AT_ONCE if count <= bound]
    return chosen


async def warm_up(
    endpoint: EngineEndpoint,
    card: ModelCard,
    plan: Sequence[WarmUpStep],
    *,
    timeout_s: float,
    on_step: Callable[[int, int], None] | None = None,
) -> None:
    """Go through the steps. timeout_s: for each request. on_step: told (steps done, of how many).

    Raises: StartFailedError when a request fails.
    """
    pool = Pool(endpoint, idle_timeout_s=timeout_s)
    seeds = _seeds()
    try:
        for done, step in enumerate(plan):
            if on_step is not None:
                on_step(done, len(plan))
            bodies = [msgspec.json.encode(request(card, step, next(seeds))) for _ in range(step.at_once)]
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(_ask(pool, body, timeout_s)) for body in bodies]
            for task in asked:
                if (reason := task.result()) is not None:
                    raise refusal(StartFailedError, "warmup.failed", reason=reason)
        if on_step is not None:
            on_step(len(plan), len(plan))
    finally:
        pool.close()


async def _ask(pool: Pool, body: bytes, timeout_s: float) -> str | None:
    """Why it failed, if it did."""
    try:
        status, answer = await pool.fetch("POST", "/v1/chat/completions", body=body, timeout_s=timeout_s)
    except EngineError as error:
        return error.message
    return None if status == 200 else f"HTTP {status} {answer[:200].decode('utf-8', 'replace')}"


def request(card: ModelCard, step: WarmUpStep, seed: int) -> dict[str, Any]:
    """No two have a picture or a beginning in common: a cache would answer the second."""
    urls = (
        "data:image/png;base64," + base64.b64encode(striped_png(step.size, seed * 16 + number)).decode()
        for number in range(step.pictures)
    )
    content: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    content.append({"type": "text", "text": f"{seed}: 描述一下。"})
    return {
        "model": card.id,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": _ANSWER_TOKENS,
        "temperature": 0,
    }


def striped_png(size: tuple[int, int], seed: int) -> bytes:
    """PNG, 8-bit RGB, horizontal stripes whose colours depend on the seed; a few kilobytes at any size."""
    width, height = size
    rows = b"".join(
        b"\0" + bytes(((seed * 37 + y // 8 * 11) % 256, (seed * 91) % 256, (y // 16 * 53) % 256)) * width
        for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _seeds() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number
