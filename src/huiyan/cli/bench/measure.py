"""Asks the running gateway as users would, and takes the times of what comes back."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from huiyan.cli.bench.pictures import picture_url
from huiyan.cli.chat_client import Answer, stream_chat
from huiyan.errors import HuiyanError

_PROMPT: Final = "Describe every picture in detail, one after the other. / 请逐一详细描述每张图片。"


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """Whom to ask. certificate: PEM file that it serves; None: no TLS. timeout_s: longest silence."""

    host: str
    port: int
    model: str
    api_key: str = field(repr=False)
    certificate: Path | None = None
    timeout_s: float = 300.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """One line of the table: this many users at once, each with this many pictures."""

    users: int
    pictures: int


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What every request has. width, height: pixels. max_tokens: of an answer. rounds: for each load."""

    width: int
    height: int
    max_tokens: int
    rounds: int


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Of many values: the middle one, and the one that 95 of 100 stay under."""

    median: float
    p95: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        if not values:
            return None
        ordered = sorted(values)
        return cls(
            median=statistics.median(ordered), p95=ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        )


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One load, measured. ttft_s: to the first token; itl_s: between pieces of text.

    tokens_per_s: of all users together; tokens_per_s_user: of one answer, from its first token on.
    failed: requests without an answer, `failure` says why the first one failed.
    """

    users: int
    pictures: int
    requests: int
    failed: int
    failure: str
    ttft_s: Spread | None
    itl_s: Spread | None
    tokens_per_s: float
    tokens_per_s_user: float | None
    prompt_tokens: int
    completion_tokens: int


@dataclass
class _Shot:
    """One request. moments_s: when pieces came, after it was sent."""

    moments_s: list[float] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    failure: str = ""

    @property
    def tokens(self) -> int:
        return int(self.usage.get("completion_tokens", 0)) or len(self.moments_s)


def measure(gateway: Gateway, load: Load, shape: Shape, seeds: itertools.count[int]) -> Result:
    """Blocks until every request of this load has ended, well or not."""
    shots: list[_Shot] = []
    busy_s = 0.0
    for _ in range(shape.rounds):
        requests = [_request(gateway, load, shape, seeds) for _ in range(load.users)]
        began_s = time.perf_counter()
        shots += _at_once(gateway, requests)
        busy_s += time.perf_counter() - began_s
    good = [shot for shot in shots if not shot.failure and shot.moments_s]
    gaps_s = [later - sooner for shot in good for sooner, later in itertools.pairwise(shot.moments_s)]
    speeds = [
        (shot.tokens - 1) / (shot.moments_s[-1] - shot.moments_s[0])
        for shot in good
        if shot.tokens > 1 and shot.moments_s[-1] > shot.moments_s[0]
    ]
    return Result(
        users=load.users,
        pictures=load.pictures,
        requests=len(shots),
        failed=len(shots) - len(good),
        failure=next((shot.failure for shot in shots if shot.failure), ""),
        ttft_s=Spread.of([shot.moments_s[0] for shot in good]),
        itl_s=Spread.of(gaps_s),
        tokens_per_s=sum(shot.tokens for shot in good) / busy_s if busy_s else 0.0,
        tokens_per_s_user=statistics.median(speeds) if speeds else None,
        prompt_tokens=max((int(shot.usage.get("prompt_tokens", 0)) for shot in good), default=0),
        completion_tokens=sum(shot.tokens for shot in good),
    )


def _request(gateway: Gateway, load: Load, shape: Shape, seeds: itertools.count[int]) -> dict[str, Any]:
    content: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": picture_url(next(seeds), shape.width, shape.height)}}
        for _ in range(load.pictures)
    ]
    # A number of its own: no two prompts begin alike, as no two users' do.
    content.append({"type": "text", "text": f"{next(seeds)}. {_PROMPT}"})
    return {
        "model": gateway.model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": shape.max_tokens,
        "temperature": 0.7,
    }


def _at_once(gateway: Gateway, requests: Sequence[dict[str, Any]]) -> list[_Shot]:
    shots = [_Shot() for _ in requests]
    ready = threading.Barrier(len(requests))

    def user(request: dict[str, Any], shot: _Shot) -> None:
        ready.wait()
        _ask(gateway, request, shot, time.perf_counter)

    threads = [
        threading.Thread(target=user, args=(request, shot), daemon=True)
        for request, shot in zip(requests, shots, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return shots


def _ask(gateway: Gateway, request: dict[str, Any], shot: _Shot, clock_s: Callable[[], float]) -> None:
    answer = Answer()
    began_s = clock_s()
    try:
        for _ in stream_chat(
            gateway.host,
            gateway.port,
            request,
            answer,
            api_key=gateway.api_key,
            certificate=gateway.certificate,
            timeout_s=gateway.timeout_s,
        ):
            shot.moments_s.append(clock_s() - began_s)
    except HuiyanError as error:
        shot.failure = f"{error.code}: {error.message}"
    else:
        if not shot.moments_s:
            shot.failure = "empty answer"
    shot.usage = answer.usage
