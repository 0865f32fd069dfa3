"""Questions and answers about a picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple

from nano.canvas import Box, Canvas
from nano.vocabulary import PREFIXES, QUESTIONS, SUFFIXES, Language


class Answered(NamedTuple):
    """One question with its answer, in a language that is known from elsewhere."""

    task: str
    question: str
    answer: str


class Turn(NamedTuple):
    """One question with its answer. task: what evaluation groups by."""

    task: str
    language: Language
    question: str
    answer: str


#: Tasks whose questions quote the picture: their case stays.
_QUOTING = frozenset({"cell", "chart_lookup", "ground", "ground_text", "chat"})


def question(rng: Random, key: str, language: Language, **filled_in: object) -> str:
    """One wording of the question `key` (vocabulary/questions.toml)."""
    return rng.choice(QUESTIONS[key][language]).format(**filled_in)


def in_one_language(rng: Random, answers: Callable[[Language], list[Answered]]) -> list[Turn]:
    """Ask about a picture in a language chosen at random, whatever is written in it."""
    language: Language = "zh" if rng.random() < 0.55 else "en"
    return [Turn(task, language, asked, answer) for task, asked, answer in answers(language)]


def full_stop(language: Language) -> str:
    return "。" if language == "zh" else "."


def relative_box(canvas: Canvas, box: Box) -> list[int]:
    """The box in thousandths of width and height, 0..999, as Qwen3-VL gives boxes."""

    def thousandths(value: float, whole: int) -> int:
        return min(999, max(0, round(value / whole * 1000)))

    left, top, right, bottom = box
    return [
        thousandths(left, canvas.width),
        thousandths(top, canvas.height),
        thousandths(right, canvas.width),
        thousandths(bottom, canvas.height),
    ]


def boxes_json(items: Iterable[tuple[list[int], str]]) -> str:
    """(box, label) pairs as the JSON that Qwen3-VL answers with."""
    return to_json([{"bbox_2d": box, "label": label} for box, label in items])


def to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def vary(rng: Random, turn: Turn) -> Turn:
    """Small changes of wording, so that questions need not match a template exactly."""
    task, language, asked, answer = turn
    if asked in ("OCR", "-") or task == "chat":
        return turn
    if rng.random() < 0.2 and asked[-1] in "。？！.?":
        asked = asked[:-1]
    if rng.random() < 0.15:
        asked = _prefixed(rng.choice(PREFIXES[language]), asked, language)
    elif language == "en" and task not in _QUOTING and rng.random() < 0.15:
        asked = asked.lower()
    if rng.random() < 0.08:
        ended = asked if asked[-1] in "。？！.?" else asked + full_stop(language)
        asked = ended + rng.choice(SUFFIXES[language])
    return Turn(task, language, asked, answer)


def _prefixed(prefix: str, asked: str, language: Language) -> str:
    goes_on = prefix.endswith((" ", ", ")) and not prefix.endswith(". ") and asked[:3] != "OCR"
    if language == "en" and goes_on:
        return prefix + asked[0].lower() + asked[1:]
    return prefix + asked
