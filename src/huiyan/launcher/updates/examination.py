"""Whether an engine still sees: plain shapes in plain colours and printed numbers, whose names are known.

A vision encoder that was damaged on its way, or never fitted, still makes fluent sentences; it names the
wrong things in them. What the engine before could do, the one that takes its place has to do, too.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from huiyan.engines.status import EngineEndpoint
from huiyan.errors import ComponentMismatchError, StartFailedError
from huiyan.launcher.health import ask_about, rgb_png
from huiyan.launcher.updates import printed_words
from huiyan.messages import refusal

_SIDE_PX: Final = 256
_MAX_TOKENS: Final = 48
#: Of all questions; a good encoder that was trained further may see one of them otherwise.
_ALLOWED_LOSSES: Final = 1

_RED, _GREEN, _BLUE = b"\xe0\x20\x20", b"\x20\xa0\x30", b"\x20\x40\xd0"
_WHITE: Final = b"\xff\xff\xff"


@dataclass(frozen=True, kw_only=True)
class Question:
    """A picture and the words of which its description has at least one of each group, in either language."""

    name: str
    png: Callable[[], bytes]
    words: tuple[tuple[str, ...], ...]

    def right(self, answer: str) -> bool:
        text = answer.lower()
        return all(any(word in text for word in group) for group in self.words)


def _drawn(colour: bytes, inside: Callable[[int, int], bool]) -> bytes:
    rows = (b"".join(colour if inside(x, y) else _WHITE for x in range(_SIDE_PX)) for y in range(_SIDE_PX))
    return rgb_png(_SIDE_PX, _SIDE_PX, rows)


def _disc(x: int, y: int) -> bool:
    return (x - 128) ** 2 + (y - 128) ** 2 <= 80**2


def _square(x: int, y: int) -> bool:
    return 56 <= x < 200 and 56 <= y < 200


def _triangle(x: int, y: int) -> bool:
    return 48 <= y < 208 and abs(x - 128) * 2 <= y - 48


_SHAPES: Final = {
    "disc": (_disc, ("圆", "circle", "round", "disc")),
    "square": (_square, ("方", "square", "rectang")),
    "triangle": (_triangle, ("三角", "triang")),
}
_COLOURS: Final = {
    "red": (_RED, ("红", "red")),
    "green": (_GREEN, ("绿", "green")),
    "blue": (_BLUE, ("蓝", "blue")),
}

_FORMS: Final = (
    ("red", "disc"),
    ("blue", "square"),
    ("green", "triangle"),
    ("blue", "disc"),
    ("green", "square"),
    ("red", "triangle"),
)

QUESTIONS: Final = (
    *(
        Question(
            name=f"{colour} {shape}",
            png=functools.partial(_drawn, _COLOURS[colour][0], _SHAPES[shape][0]),
            words=(_COLOURS[colour][1], _SHAPES[shape][1]),
        )
        for colour, shape in _FORMS
    ),
    Question(name="printed 4207", png=lambda: printed_words.SALE_4207, words=(("4207",),)),
    Question(name="printed 1536", png=lambda: printed_words.ROOM_1536, words=(("1536",),)),
)


async def examine(
    endpoint: EngineEndpoint, model: str, *, timeout_s: float, questions: Sequence[Question] = QUESTIONS
) -> frozenset[str]:
    """Names of the questions that it answers rightly. Raises: StartFailedError when it does not answer."""
    right = set()
    for question in questions:
        answer = await asyncio.to_thread(
            ask_about, endpoint, model, question.png(), max_tokens=_MAX_TOKENS, timeout_s=timeout_s
        )
        if question.right(answer):
            right.add(question.name)
    return frozenset(right)


async def compare(
    new: EngineEndpoint, old: EngineEndpoint | frozenset[str] | None, model: str, *, timeout_s: float
) -> None:
    """Whether the new one sees what the old one saw. old: to ask, or what it knew; None: nothing is known.

    The old one is asked only what the new one missed. Raises: ComponentMismatchError, StartFailedError.
    """
    missed = await missed_by(new, model, timeout_s=timeout_s)
    if not missed:
        return
    if isinstance(old, EngineEndpoint):
        try:
            known = await examine(old, model, timeout_s=timeout_s, questions=missed)
        except StartFailedError:
            # It is on its way out; what it knew cannot be asked any more.
            known = frozenset()
    else:
        known = frozenset() if old is None else old & {question.name for question in missed}
    check_lost(known)


async def missed_by(endpoint: EngineEndpoint, model: str, *, timeout_s: float) -> list[Question]:
    """The questions that it answers wrongly. Raises: StartFailedError when it does not answer."""
    right = await examine(endpoint, model, timeout_s=timeout_s)
    return [question for question in QUESTIONS if question.name not in right]


def tolerable(missed: Sequence[object]) -> bool:
    """Whether so many may be lost, whatever the encoder before made of them."""
    return len(missed) <= _ALLOWED_LOSSES


def check_lost(names: Collection[str]) -> None:
    """names: of what the old one saw and the new one does not. Raises: ComponentMismatchError."""
    if len(names) > _ALLOWED_LOSSES:
        raise refusal(
            ComponentMismatchError,
            "update.sees_less",
            missed=", ".join(sorted(names)),
            count=len(names),
            total=len(QUESTIONS),
        )
