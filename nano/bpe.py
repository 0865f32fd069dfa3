"""Byte-pair encoding: the alphabet of GPT-2 and plain learning of merges."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise

Pair = tuple[str, str]
_Word = tuple[str, ...]


def byte_characters() -> dict[int, str]:
    """A printable character for each byte, in the order of GPT-2's table.

    Source: bytes_to_unicode in openai/gpt-2, encoder.py.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {byte: chr(byte) for byte in printable}
    table.update({byte: chr(256 + i) for i, byte in enumerate(others)})
    return table


def learn_merges(counts: Mapping[str, int], most: int) -> list[Pair]:
    """The commonest pairs, each merged before the next is chosen; the larger pair wins a tie.

    counts: words as strings of symbols. Stops at `most`, or when no pair is left twice.
    """
    words: dict[_Word, int] = {tuple(word): count for word, count in counts.items()}
    pairs: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[_Word]] = defaultdict(set)
    for word, count in words.items():
        _note(word, count, pairs, where)
    merges: list[Pair] = []
    while len(merges) < most and pairs:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if pairs[best] < 2:
            break
        merges.append(best)
        for word in list(where[best]):
            known = words.pop(word, None)
            if known is None:
                continue
            for pair in pairwise(word):
                pairs[pair] -= known
                where[pair].discard(word)
            merged = _merge(word, best)
            words[merged] = words.get(merged, 0) + known
            _note(merged, known, pairs, where)
        del pairs[best]
    return merges


def _note(word: _Word, count: int, pairs: Counter[Pair], where: defaultdict[Pair, set[_Word]]) -> None:
    for pair in pairwise(word):
        pairs[pair] += count
        where[pair].add(word)


def _merge(word: _Word, pair: Pair) -> _Word:
    merged: list[str] = []
    i = 0
    while i < len(word):
        if word[i : i + 2] == pair:
            merged.append(word[i] + word[i + 1])
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return tuple(merged)
