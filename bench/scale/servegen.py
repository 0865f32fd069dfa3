"""Conversations about pictures, drawn from the parameters of two published traces.

Sources, with the revision that was read:

- ServeGen (Xiang et al., "ServeGen: Workload Characterization and Generation of LLM Serving in Production",
  2025, arXiv 2505.09999; github.com/alibaba/ServeGen f891d11, `data/multimodal/mm-image`): 35 clients of a
  production service of Qwen-VL. Pictures in a request, visual tokens of a picture, tokens of text and of
  answers, and how bursty requests arrive, over all clients and times, weighted by their rates.
- Mooncake (Qin et al., "Mooncake: A KVCache-centric Disaggregated Architecture for LLM Serving", FAST 2025;
  github.com/kvcache-ai/Mooncake 3b5a594, `FAST25-release/traces/conversation_trace.jsonl`): 12,031 requests
  of one hour. A request continues another one when it begins with all of the other's whole blocks: 33 % do.
  From these chains: how many turns a conversation has, and the time between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from random import Random
from typing import Final

#: (share of values below, value), straight between the points.
_Quantiles = Sequence[tuple[float, float]]

_IMAGE_TOKENS: Final[_Quantiles] = (
    (0, 4), (0.10, 6), (0.25, 171), (0.50, 432), (0.75, 1196), (0.90, 1222), (0.95, 1232), (1, 1280),
)  # fmt: skip
_TEXT_TOKENS: Final[_Quantiles] = (
    (0, 1), (0.10, 36), (0.25, 75), (0.50, 94), (0.75, 1032), (0.90, 1913), (0.95, 2344), (1, 3100),
)  # fmt: skip
_ANSWER_TOKENS: Final[_Quantiles] = (
    (0, 1), (0.10, 3), (0.25, 27), (0.50, 98), (0.75, 183), (0.90, 262), (0.95, 334), (1, 600),
)  # fmt: skip
#: Requests by their number of pictures, from one to ten.
_IMAGE_COUNT: Final = (7.03, 0.593, 0.686, 0.194, 0.0936, 0.0598, 0.0337, 0.0226, 0.0179, 0.0071)
#: Of the spacing of requests: standard deviation over mean.
_BURSTINESS: Final = 2.21

#: Share of conversations with n turns that go on to another one; the last value for all longer ones.
_GOES_ON: Final = (0.252, 0.393, 0.496, 0.551, 0.606, 0.652, 0.733, 0.75)
_PAUSE_S: Final[_Quantiles] = (
    (0, 5), (0.05, 30), (0.10, 42), (0.25, 66), (0.50, 126), (0.75, 273), (0.90, 480), (0.95, 612), (1, 900),
)  # fmt: skip

#: In neither trace; assumed. A later turn shows a new picture; a conversation begins with a picture of
#: another one (the same question again, two presets side by side, the next line of a batch sheet).
NEW_PICTURE_LATER: Final = 0.3
SAME_PICTURE: Final = 0.1
_RECENT: Final = 200
_SYSTEM_TOKENS: Final = 120


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a prompt. id: equal parts have equal ones. picture: visual tokens rather than text."""

    id: int
    tokens: int
    picture: bool


@dataclass(frozen=True, slots=True)
class Request:
    """prompt: in order, earlier turns included. affinity: what the gateway makes of the first picture."""

    at_s: float
    prompt: tuple[Segment, ...]
    answer_tokens: int
    affinity: bytes


def conversations(random: Random, per_s: float, until_s: float) -> Iterator[list[Request]]:
    """Conversations in the order in which they begin. per_s: how many do, on average."""
    shape = 1 / _BURSTINESS**2
    ids = count(1)
    system = Segment(0, _SYSTEM_TOKENS, picture=False)
    recent: list[Segment] = []
    now_s = 0.0
    while (now_s := now_s + random.gammavariate(shape, 1 / (per_s * shape))) < until_s:
        yield _conversation(random, now_s, system, recent, ids)


def _conversation(
    random: Random, now_s: float, system: Segment, recent: list[Segment], ids: Iterator[int]
) -> list[Request]:
    def picture() -> Segment:
        return Segment(next(ids), _draw(random, _IMAGE_TOKENS), picture=True)

    how_many = random.choices(range(1, 11), _IMAGE_COUNT)[0]
    again = bool(recent) and random.random() < SAME_PICTURE
    pictures = [random.choice(recent) if again and not i else picture() for i in range(how_many)]
    recent.append(pictures[0])
    del recent[:-_RECENT]
    affinity = pictures[0].id.to_bytes(8, "big")
    prompt = [system, *pictures]
    requests: list[Request] = []
    while True:
        prompt.append(Segment(next(ids), _draw(random, _TEXT_TOKENS), picture=False))
        answer = _draw(random, _ANSWER_TOKENS)
        requests.append(Request(now_s, tuple(prompt), answer, affinity))
        if random.random() >= _GOES_ON[min(len(requests), len(_GOES_ON)) - 1]:
            return requests
        prompt.append(Segment(next(ids), answer, picture=False))
        if random.random() < NEW_PICTURE_LATER:
            prompt.append(picture())
        now_s += _draw(random, _PAUSE_S)


def _draw(random: Random, quantiles: _Quantiles) -> int:
    share = random.random()
    for (low, low_value), (high, high_value) in pairwise(quantiles):
        if share <= high:
            return round(low_value + (high_value - low_value) * (share - low) / (high - low))
    raise AssertionError("shares end at 1")
