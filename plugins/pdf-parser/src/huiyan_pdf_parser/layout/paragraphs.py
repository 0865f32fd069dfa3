"""Lines to paragraphs, headings, items of lists and code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from huiyan_pdf_parser.geometry import Box, around
from huiyan_pdf_parser.layout.blocks import Block, Kind
from huiyan_pdf_parser.layout.flow import is_mark
from huiyan_pdf_parser.layout.words import Piece, Word, joined, size_of, wide

#: Of the body's size, what makes a heading of the first, second and third level.
_HEADINGS: Final = ((1.7, 1), (1.3, 2), (1.1, 3))
_BOLD_LEVEL: Final = 4
_HEADING_LETTERS: Final = 200
_OTHER_SIZE: Final = 0.09
_INDENT: Final = 0.9
_APART: Final = 1.35
#: The dots between an entry and its page.
_LEADER: Final = re.compile(r"(?:[.·…]\s?){4,}\s*\S{0,6}$")
_LEADERS: Final = re.compile(r"\s*(?:[.·…]\s?){4,}\s*")
_HYPHENS: Final = ("-", "‐")
_WORD_BEFORE: Final = re.compile(r"([^\W\d_]+)[-‐]$")
_WORD_AFTER: Final = re.compile(r"^([^\W\d_]+)")


@dataclass(frozen=True)
class Line:
    """One line of a column."""

    words: list[Word]
    box: Box

    @property
    def text(self) -> str:
        return joined(self.words)

    @property
    def size(self) -> float:
        return size_of(self.words)

    @property
    def bold(self) -> bool:
        return all(word.bold for word in self.words)

    @property
    def fixed(self) -> bool:
        return all(word.fixed for word in self.words)

    @property
    def begins_item(self) -> bool:
        return len(self.words) > 1 and (self.words[0].begins_item or is_mark(self.words[0].text))


def line_of(row: Sequence[Piece]) -> Line:
    words = [word for piece in row for word in piece.words]
    return Line(words, around([word.box for word in words]))


def paragraphs(rows: Sequence[Sequence[Piece]], body_size: float, vocabulary: set[str]) -> list[Block]:
    """body_size: of most text on the page. vocabulary: words of the page, for broken words."""
    lines = [line_of(row) for row in rows if row]
    if not lines:
        return []
    pitches = [b.box.centre[1] - a.box.centre[1] for a, b in pairwise(lines)]
    usual = _usual_pitch(pitches, lines)
    right = max(line.box.x1 for line in lines)
    blocks: list[list[Line]] = [[lines[0]]]
    for line, pitch in zip(lines[1:], pitches, strict=True):
        if _begins(blocks[-1], line, pitch, usual, right):
            blocks.append([line])
        else:
            blocks[-1].append(line)
    return [_block(lines, body_size, vocabulary) for lines in blocks]


def _usual_pitch(pitches: Sequence[float], lines: Sequence[Line]) -> float:
    size = median([line.size for line in lines])
    single = [pitch for pitch in pitches if 0.8 * size < pitch < 2.2 * size]
    return min(median(single), 1.9 * size) if single else 1.4 * size


def _begins(before: Sequence[Line], line: Line, pitch: float, usual: float, right: float) -> bool:
    """Whether a line begins a block of its own."""
    last = before[-1]
    size = max(last.size, line.size, 1.0)
    if last.fixed != line.fixed or line.begins_item or _LEADER.search(last.text):
        return True
    if last.fixed:
        return pitch > 2.6 * usual
    if _other_size(last, line) or last.bold != line.bold:
        return True
    if pitch > _APART * usual and pitch > 1.3 * size:
        return True
    if before[0].begins_item:
        hanging = line.box.x0 - before[0].box.x0
        ended = last.box.x1 < right - 2 * size
        return hanging < -_INDENT / 2 * size or (hanging < _INDENT / 2 * size and ended)
    # The first line of a paragraph stands further in than the ones above it.
    left = min(each.box.x0 for each in before[1:]) if len(before) > 1 else line.box.x0
    ended = last.box.x1 < right - 2 * size or not _mid_sentence(last)
    return line.box.x0 - left > _INDENT * size and ended


def _other_size(one: Line, other: Line) -> bool:
    """Whether no word of the one is about as large as any of the other: lines mix fonts."""
    ones, others = [word.size for word in one.words], [word.size for word in other.words]
    slack = 1 + _OTHER_SIZE
    return min(ones) > slack * max(others) or min(others) > slack * max(ones)


def _mid_sentence(line: Line) -> bool:
    """Whether a line stops in the middle of a sentence."""
    return line.text.rstrip()[-1:].isalnum()


def _block(lines: Sequence[Line], body_size: float, vocabulary: set[str]) -> Block:
    box = around([line.box for line in lines])
    if all(line.fixed for line in lines):
        return Block("code", box, _code(lines, box))
    text = _running(lines, vocabulary)
    level = 0 if lines[0].begins_item else _level(lines, text, body_size)
    kind: Kind = "heading" if level else "list_item" if lines[0].begins_item else "paragraph"
    return Block(kind, box, text, level)


def _level(lines: Sequence[Line], text: str, body_size: float) -> int:
    if len(text) > _HEADING_LETTERS or not any(letter.isalpha() for letter in text):
        return 0
    ratio = median([line.size for line in lines]) / max(body_size, 1.0)
    for least, level in _HEADINGS:
        if ratio >= least:
            return level
    alone = len(lines) == 1 and lines[0].bold and not text.rstrip().endswith((".", "。", ":"))
    return _BOLD_LEVEL if alone and ratio > 0.9 else 0


def _code(lines: Sequence[Line], box: Box) -> str:
    written: list[str] = []
    for line in lines:
        width = 0.6 * max(line.size, 1.0)
        letters = [word.box.width / len(word.text) for word in line.words if len(word.text) > 1]
        if letters:
            width = median(letters)
        written.append(" " * round((line.box.x0 - box.x0) / max(width, 1.0)) + line.text)
    return "\n".join(written)


def _running(lines: Sequence[Line], vocabulary: set[str]) -> str:
    text = lines[0].text
    for line in lines[1:]:
        text = _continued(text, line.text, vocabulary)
    return _LEADERS.sub(" … ", text)


def _continued(text: str, after: str, vocabulary: set[str]) -> str:
    """The next line put to a paragraph: broken words are made whole."""
    if not text or not after:
        return text + after
    broken, begin = _WORD_BEFORE.search(text), _WORD_AFTER.match(after)
    if text.endswith(_HYPHENS) and broken and begin:
        keeps = not begin[1][0].islower() or (
            f"{broken[1]}-{begin[1]}".lower() in vocabulary
            and f"{broken[1]}{begin[1]}".lower() not in vocabulary
        )
        return (text if keeps else text[:-1]) + after
    if text.endswith(("-", "‐", "/")) and not text.endswith((" -", " /")):
        return text + after
    if (wide(text[-1]) and (wide(after[0]))) or (wide(text[-1]) != wide(after[0]) and not after[0].isalnum()):
        return text + after
    return f"{text} {after}"
