"""Sixteen streams through a gateway while something is done behind it: what breaks, for how long.

A stream that ends with `[DONE]` is whole; one that ends otherwise failed. Requests that are sent afterwards
show for how long a newcomer is refused.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_TIMEOUT_S = 180.0


@dataclass
class Stream:
    """chunks: (seconds since the run began) of each piece. ended: how, "" while it runs."""

    number: int
    chunks: list[float] = field(default_factory=list)
    ended: str = ""
    status: int = 0

    @property
    def longest_gap_s(self) -> float:
        return max((b - a for a, b in zip(self.chunks, self.chunks[1:], strict=False)), default=0.0)


@dataclass(frozen=True)
class Outcome:
    """newcomer_s: from the act until a newcomer was answered whole. act_s: how long the act itself took."""

    streams: int
    whole: int
    broken: int
    refused: int
    longest_gap_s: float
    newcomer_s: float
    newcomers_failed: int
    act_s: float

    def to_json(self) -> dict[str, Any]:
        return {
            name: round(value, 2) if isinstance(value, float) else value
            for name, value in self.__dict__.items()
        }


def run(port: int, act: Callable[[], None], *, streams: int = 16, max_tokens: int = 600) -> Outcome:
    """act: done once every stream has begun."""
    began_s = time.monotonic()
    all_of_them = [Stream(number) for number in range(streams)]
    threads = [
        threading.Thread(target=_stream, args=(port, each, max_tokens, began_s), daemon=True)
        for each in all_of_them
    ]
    for thread in threads:
        thread.start()
    deadline_s = time.monotonic() + _TIMEOUT_S
    while not all(each.chunks or each.ended for each in all_of_them) and time.monotonic() < deadline_s:
        time.sleep(0.005)
    act_began_s = time.monotonic()
    act()
    act_s = time.monotonic() - act_began_s
    failed = 0
    while time.monotonic() < deadline_s:
        newcomer = Stream(-1)
        _stream(port, newcomer, 8, began_s)
        if newcomer.ended == "done":
            break
        failed += 1
        time.sleep(0.1)
    newcomer_s = time.monotonic() - act_began_s
    for thread in threads:
        thread.join(_TIMEOUT_S)
    return Outcome(
        streams=streams,
        whole=sum(each.ended == "done" for each in all_of_them),
        broken=sum(each.ended != "done" and each.status == 200 for each in all_of_them),
        refused=sum(each.ended != "done" and each.status != 200 for each in all_of_them),
        longest_gap_s=max((each.longest_gap_s for each in all_of_them if each.ended == "done"), default=0.0),
        newcomer_s=newcomer_s,
        newcomers_failed=failed,
        act_s=act_s,
    )


def _stream(port: int, stream: Stream, max_tokens: int, began_s: float) -> None:
    body = {
        "messages": [{"role": "user", "content": f"Conversation {stream.number}: read on."}],
        "stream": True,
        "max_tokens": max_tokens,
        "ignore_eos": True,
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        headers = {"content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        stream.status = response.status
        said = b""
        while line := response.readline():
            if line.strip():
                said = line
                if b'"delta"' in line:
                    stream.chunks.append(time.monotonic() - began_s)
        stream.ended = "done" if said.startswith(b"data: [DONE]") else "broken"
    except (OSError, http.client.HTTPException) as error:
        stream.ended = type(error).__name__
    finally:
        connection.close()
