"""One engine of the simulation: caches, one prompt at a time, answers side by side.

Measured on an H100 with vLLM 0.25.1 and the 8B in bf16 (docs/concepts/engines.md): 45 ms to the first token
of a short text, 111 ms with one picture of 1024 x 1024, 488 ms with three of 1920 x 1080 (6,148 tokens);
7.4 ms between the tokens of one answer, 13 ms with 16. So a token of a picture that is new costs 0.07 ms. How
this divides is assumed: 0.030 for resizing it, 0.015 for encoding it, 0.025 for the prefill, which a token of
text costs, too.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from bench.scale.servegen import Segment
from huiyan.gateway.routing import prompt_work

_LATENCY_S: Final = 0.040
_RESIZE_S, _ENCODE_S, _PREFILL_S = 30e-6, 15e-6, 25e-6
_STEP_S, _STEP_MORE_S = 7.4e-3, 0.36e-3

#: What is left of 80 GB beside the weights, as vLLM reported it (bench/engine/results).
KV_TOKENS: Final = 380_000
#: vLLM's default of 4 GiB for prepared pictures, in visual tokens: each is 4 patches of 1,536 bf16 values.
PICTURE_TOKENS: Final = 4 * 2**30 // (4 * 1536 * 2)


class Lru:
    """Keys with sizes; the least recently used go first."""

    def __init__(self, capacity: int) -> None:
        self._left, self._sizes = capacity, OrderedDict[int, int]()

    def __contains__(self, key: int) -> bool:
        return key in self._sizes

    def use(self, key: int, size: int) -> None:
        if key in self._sizes:
            self._sizes.move_to_end(key)
            return
        self._sizes[key] = size
        self._left -= size
        while self._left < 0:
            _, freed = self._sizes.popitem(last=False)
            self._left += freed


class Replica:
    """Takes part in `huiyan.gateway.routing` as a candidate. Equal only to itself."""

    def __init__(self, seed: int) -> None:
        self.seed, self.capacity, self.slots = seed, 1.0, None
        self.in_flight = 0
        #: Prompt work taken and not yet read, as the gateway estimates it.
        self.unread_tokens = 0
        self._prefixes, self._pictures = Lru(KV_TOKENS), Lru(PICTURE_TOKENS)
        self._free_at_s = 0.0
        self.prompt_tokens = self.known_tokens = self.shown = self.known_pictures = 0

    def take(self, now_s: float, prompt: tuple[Segment, ...], answer_tokens: int) -> tuple[float, float]:
        """(when its first token comes, when its last one does)."""
        work_s = self._prompt_work_s(prompt)
        self._free_at_s = max(self._free_at_s, now_s) + work_s
        first_s = self._free_at_s + _LATENCY_S
        return first_s, first_s + answer_tokens * (_STEP_S + _STEP_MORE_S * self.in_flight)

    def _prompt_work_s(self, prompt: tuple[Segment, ...]) -> float:
        work_s, known, chain = 0.0, True, 0
        chains: list[tuple[int, int]] = []
        for part in prompt:
            chain = hash((chain, part.id))
            chains.append((chain, part.tokens))
            known = known and chain in self._prefixes
            self.prompt_tokens += part.tokens
            if known:
                self.known_tokens += part.tokens
            else:
                work_s += part.tokens * _PREFILL_S
            if part.picture:
                self.shown += 1
                seen = part.id in self._pictures
                self.known_pictures += known or seen
                if not known:
                    work_s += part.tokens * (_ENCODE_S if seen else _RESIZE_S + _ENCODE_S)
                    self._pictures.use(part.id, part.tokens)
        for key, tokens in reversed(chains):  # vLLM gives up the end of a prefix before its beginning
            self._prefixes.use(key, tokens)
        return work_s


def work_tokens(prompt: tuple[Segment, ...]) -> int:
    """As the gateway has it; it estimates the tokens of text from bytes, here they are known."""
    pictures = sum(part.tokens for part in prompt if part.picture)
    return sum(part.tokens for part in prompt) + prompt_work(0, pictures) - pictures


def work_s(prompt: tuple[Segment, ...]) -> float:
    """Of an engine that knows nothing yet."""
    return sum(
        part.tokens * (_PREFILL_S + (_RESIZE_S + _ENCODE_S if part.picture else 0.0)) for part in prompt
    )
