"""Characters to words, words to pieces of lines."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from huiyan_pdf_parser.document.characters import Character
from huiyan_pdf_parser.geometry import Box, Frame, around, overlap

#: In parts of the font's size. A gap this wide ends a word, also where no white space is written.
_WORD_GAP: Final = 0.17
#: A gap this wide ends a piece of a line.
PIECE_GAP: Final = 0.75
_BACK: Final = 0.5
#: The same for letters of fonts in which all are equally wide.
_FIXED_PIECE_GAP: Final = 0.85
#: Points.
_PART: Final = 0.02
_SAME_LINE: Final = 0.5
#: Points; pieces are looked for near a word's middle.
_BUCKET: Final = 8

_NOWHERE: Final = Box(0.0, 0.0, 0.0, 0.0)


@dataclass
class Word:
    """Characters without a gap between them. bold, fixed: of its font. begins_item: the mark of a list."""

    text: str
    box: Box
    size: float
    bold: bool = False
    fixed: bool = False
    begins_item: bool = False


@dataclass
class Piece:
    """Words beside each other, with no wide gap between them."""

    words: list[Word] = field(default_factory=list)
    box: Box = _NOWHERE

    def add(self, word: Word) -> None:
        self.words.append(word)
        self.box = around([self.box, word.box]) if len(self.words) > 1 else word.box

    @property
    def text(self) -> str:
        return joined(self.words)

    @property
    def size(self) -> float:
        return size_of(self.words)

    @property
    def bold(self) -> bool:
        return _most(self.words, "bold")

    @property
    def fixed(self) -> bool:
        return _most(self.words, "fixed")


def _most(words: Sequence[Word], name: str) -> bool:
    letters = sum(len(word.text) for word in words)
    return 2 * sum(len(word.text) for word in words if getattr(word, name)) > letters


def size_of(words: Sequence[Word]) -> float:
    """The size that most letters have."""
    letters: dict[float, int] = defaultdict(int)
    for word in words:
        letters[round(word.size, 1)] += len(word.text)
    return max(letters, key=lambda size: (letters[size], size)) if letters else 0.0


def words_of(
    characters: Iterable[Character], frame: Frame, uprights: Sequence[tuple[float, float, float]] = ()
) -> list[Word]:
    """In the order in which the document writes them; boxes in the frame.

    uprights: vertical lines as x, top and bottom, sorted; a word does not reach over one of them.
    """
    places = [x for x, _, _ in uprights]
    words: list[Word] = []
    parts: list[str] = []
    boxes: list[Box] = []
    last: Character | None = None

    def close() -> None:
        if last is not None and parts:
            words.append(Word("".join(parts), around(boxes), last.size, last.bold, last.fixed))
            parts.clear()
            boxes.clear()

    for character in characters:
        box = frame.into(character.box)
        if last is not None and boxes:
            first, end = bisect_left(places, boxes[-1].centre[0]), bisect_left(places, box.centre[0])
            parted = any(top < box.centre[1] < bottom for _, top, bottom in uprights[first:end])
            if parted or not _continues(boxes[-1], last, box, character):
                close()
        parts.append(character.text)
        boxes.append(box)
        last = character
    close()
    return words


def _continues(before: Box, last: Character, box: Box, character: Character) -> bool:
    size = max(min(last.size, character.size), 1.0)
    gap = box.x0 - before.x1
    if abs(box.x0 - before.x0) < _PART and abs(box.x1 - before.x1) < _PART and before.width > _PART:
        return True  # letters of one ligature share its box
    if overlap(before.y0, before.y1, box.y0, box.y1) < _SAME_LINE or not -_BACK * size <= gap:
        return False
    if character.space_before and not (wide(last.text[-1]) and wide(character.text[0])):
        return False
    return gap <= _WORD_GAP * size


def wide(text: str) -> bool:
    """Whether a character is written without spaces around words, as Chinese and Japanese are."""
    return unicodedata.east_asian_width(text) in {"W", "F"}


def joined(words: Sequence[Word]) -> str:
    """One line, words from left to right."""
    text = ""
    before: Word | None = None
    for word in words:
        if before is None:
            text = word.text
        else:
            text += _between(before, word) + word.text
        before = word
    return text


def _between(before: Word, word: Word) -> str:
    gap = word.box.x0 - before.box.x1
    size = max(min(before.size, word.size), 1.0)
    if before.begins_item:
        return " "
    if before.fixed and word.fixed:
        return " " * max(1, round(gap / (0.6 * size)))
    if _wide_pair(before.text, word.text):
        return " " if gap > PIECE_GAP * size else ""
    return " "


def _wide_pair(before: str, after: str) -> bool:
    """No space was written between them; next to Latin letters a small gap is the typesetter's."""
    left, right = wide(before[-1]), wide(after[0])
    return (left and right) or (left != right and not (before[-1].isalnum() and after[0].isalnum()))


def pieces_of(words: Iterable[Word], gap: float = PIECE_GAP) -> list[Piece]:
    """gap: in parts of the font's size."""
    ends: dict[int, list[Piece]] = defaultdict(list)
    pieces: list[Piece] = []
    for word in sorted(words, key=lambda word: (word.box.x0, word.box.y0)):
        middle = round(word.box.centre[1] / _BUCKET)
        reach = max(1, round(word.box.height / _BUCKET))
        near = (piece for row in range(middle - reach, middle + reach + 1) for piece in ends[row])
        best = min(
            (piece for piece in near if _fits(piece, word, gap)),
            key=lambda piece: abs(word.box.x0 - piece.box.x1) + abs(word.box.centre[1] - piece.box.centre[1]),
            default=None,
        )
        if best is None:
            best = Piece()
            pieces.append(best)
        else:
            ends[round(best.words[-1].box.centre[1] / _BUCKET)].remove(best)
        best.add(word)
        ends[middle].append(best)
    return pieces


def _fits(piece: Piece, word: Word, gap: float) -> bool:
    last = piece.words[-1]
    size = max(last.size, word.size)
    between = word.box.x0 - last.box.x1
    if last.fixed and word.fixed:
        gap = max(gap, _FIXED_PIECE_GAP)
    if not -_BACK * size <= between <= gap * size:
        return False
    return overlap(last.box.y0, last.box.y1, word.box.y0, word.box.y1) >= _SAME_LINE


def rows_of(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Pieces that stand beside each other, from the top; each row from the left."""
    rows: list[list[Piece]] = []
    lows: list[tuple[float, float]] = []
    for piece in sorted(pieces, key=lambda piece: (piece.box.centre[1], piece.box.x0)):
        if rows and overlap(*lows[-1], piece.box.y0, piece.box.y1) >= _SAME_LINE:
            rows[-1].append(piece)
            top, bottom = lows[-1]
            # The band is that of the pieces which are most alike: a tall one must not swallow the next line.
            lows[-1] = (
                (max(top, piece.box.y0), min(bottom, piece.box.y1))
                if piece.box.height < (bottom - top)
                else (top, bottom)
            )
        else:
            rows.append([piece])
            lows.append((piece.box.y0, piece.box.y1))
    for row in rows:
        row.sort(key=lambda piece: piece.box.x0)
    return rows


def line_height(pieces: Sequence[Piece]) -> float:
    """The usual size of text, 10 where there is none."""
    return median([piece.size for piece in pieces]) if pieces else 10.0
