"""Words and lines of a picture set upright, tables found, and everything put back where it was."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from huiyan_table_ocr.reading.ocr import MAX_SIDE_PIXELS, Line, Reader, Stop
from huiyan_table_ocr.reading.rulings import find_rulings, ink_of, without_letters
from huiyan_table_ocr.reading.skew import sharpest_degrees
from huiyan_table_ocr.structure import Box, Ruling, Table, Word, find_tables

#: Less than this is not worth turning a picture for.
_LEAST_SKEW_DEGREES = 0.25
_MOST_SKEW_DEGREES = 30.0
_CORNER_PIXELS = 1.2
_PIECE_GAP = 0.55
_MAX_SECOND_LOOKS = 80
#: Of a cell that was read alone: the detector did not think that it holds text.
_SURE = 0.7


@dataclass(frozen=True)
class Read:
    """words and tables in pixels of the given picture. turned_degrees: by how much it was turned left, and
    skew_degrees: by how much of that it was not quite straight.
    """

    words: list[Word]
    tables: list[Table]
    skew_degrees: float
    turned_degrees: float = 0.0


#: Told the step, how much of it is done, and how much there is.
OnStep = Callable[[str, int, int], None]


def read_tables(
    reader: Reader,
    pixels: NDArray[np.uint8],
    stop: Stop,
    on_step: OnStep = lambda step, done, total: None,
) -> Read:
    """Everything on pixels, uint8[height, width, 3] in RGB. Raises: Stopped, MemoryError."""
    on_step("reading", 0, 0)
    bounds = Box(0, 0, pixels.shape[1], pixels.shape[0])
    pixels, matrix = _fitted(pixels)

    def on_lines(done: int, total: int) -> None:
        on_step("reading", done, total)

    seen = reader.lines(pixels, stop, on_lines)
    if not seen.lines:
        return Read([], [], 0.0)
    if seen.quarter_turns:
        on_step("turning", 0, 0)
        pixels, turn = _quarter_turned(pixels, seen.quarter_turns)
        matrix = _both(matrix, turn)
        seen = replace(reader.lines(pixels, stop, on_lines), quarter_turns=seen.quarter_turns)
    lines = seen.lines
    skew = sharpest_degrees(pixels, _skew_degrees(lines))
    upright, straighten = _turned(pixels, skew)
    matrix = _both(matrix, straighten)
    on_step("lines", 0, 0)
    line_height = statistics.median(_size(line.quad)[1] for line in lines) if lines else 0.0
    rulings = find_rulings(upright, line_height)
    rulings = without_letters(rulings, [_box(line.quad, straighten) for line in lines], ink_of(upright))
    words = [word for line in lines for word in _words(line, straighten, rulings)]
    words = [word for word in words if word.text.strip()]
    tables = find_tables(words, rulings, max(4.0, 0.3 * line_height))
    stop.check()
    whole = _second_look(reader, upright, tables, stop, on_step)
    back = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    return Read(
        [replace(word, box=_moved(word.box, back, bounds)) for word in words],
        [
            replace(
                table,
                box=_moved(table.box, back, bounds),
                cells=[replace(cell, box=_moved(cell.box, back, bounds)) for cell in table.cells],
            )
            for table in whole
        ],
        skew,
        90.0 * seen.quarter_turns + skew,
    )


_Matrix = NDArray[np.float64]


def _fitted(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], _Matrix]:
    """The picture no larger than what the models look at, with the affine float[2, 3] that took it there."""
    height, width = pixels.shape[:2]
    scale = min(1.0, MAX_SIDE_PIXELS / max(height, width))
    if scale < 1.0:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        return pixels, np.array([[size[0] / width, 0.0, 0.0], [0.0, size[1] / height, 0.0]])
    return pixels, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _quarter_turned(pixels: NDArray[np.uint8], turns: int) -> tuple[NDArray[np.uint8], _Matrix]:
    """Turned left so often, with the affine of it."""
    height, width = pixels.shape[:2]
    matrices = {
        1: [[0, 1, 0], [-1, 0, width]],
        2: [[-1, 0, width], [0, -1, height]],
        3: [[0, -1, height], [1, 0, 0]],
    }
    return np.ascontiguousarray(np.rot90(pixels, turns)), np.array(matrices[turns], np.float64)


def _both(first: _Matrix, then: _Matrix) -> _Matrix:
    """One affine for two."""
    last = np.array([[0.0, 0.0, 1.0]])
    return np.asarray((np.vstack([then, last]) @ np.vstack([first, last]))[:2], np.float64)


def _size(quad: NDArray[np.float64]) -> tuple[float, float]:
    return float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[3] - quad[0]))


def _skew_degrees(lines: Sequence[Line]) -> float:
    """The slope of the text, from its long lines; 0 where they do not agree."""
    slopes = []
    for line in lines:
        width, height = _size(line.quad)
        if width > 3 * height:
            along = (line.quad[1] - line.quad[0]) + (line.quad[2] - line.quad[3])
            slopes.append((float(np.degrees(np.arctan2(along[1], along[0]))), width))
    if not slopes:
        return 0.0
    # The corners of a box are a pixel or so off, which turns a short one more than a long one.
    least = max(_LEAST_SKEW_DEGREES, float(np.degrees(_CORNER_PIXELS / max(width for _, width in slopes))))
    slopes.sort()
    half, total = sum(width for _, width in slopes) / 2, 0.0
    for slope, width in slopes:
        total += width
        if total >= half:
            return slope if least <= abs(slope) <= _MOST_SKEW_DEGREES else 0.0
    return 0.0


def _turned(pixels: NDArray[np.uint8], degrees: float) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The picture turned upright, with the affine float[2, 3] that took it there; nothing is cut off."""
    height, width = pixels.shape[:2]
    if degrees == 0:
        return pixels, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0), np.float64)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    new_width, new_height = int(height * sin + width * cos), int(height * cos + width * sin)
    matrix[0, 2] += (new_width - width) / 2
    matrix[1, 2] += (new_height - height) / 2
    turned = cv2.warpAffine(
        pixels, matrix, (new_width, new_height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(turned, np.uint8), matrix


def _box(quad: NDArray[np.float64], matrix: NDArray[np.float64]) -> Box:
    points = quad @ matrix[:, :2].T + matrix[:, 2]
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    return Box(float(left), float(top), float(right), float(bottom))


def _moved(box: Box, matrix: NDArray[np.float64], bounds: Box) -> Box:
    quad = np.array([[box.x0, box.y0], [box.x1, box.y0], [box.x1, box.y1], [box.x0, box.y1]])
    moved = _box(quad, matrix)
    return Box(
        max(bounds.x0, moved.x0), max(bounds.y0, moved.y0), min(bounds.x1, moved.x1), min(bounds.y1, moved.y1)
    )


def _words(line: Line, matrix: NDArray[np.float64], rulings: Sequence[Ruling]) -> list[Word]:
    """A line of the OCR, in two where a vertical line or a wide space parts it."""
    whole = _box(line.quad, matrix)
    tokens = [(text, _box(quad, matrix)) for text, quad in line.tokens]
    cuts = [
        index + 1
        for index, ((_, a), (_, b)) in enumerate(itertools.pairwise(tokens))
        if b.x0 - a.x1 > _PIECE_GAP * whole.height or _parted(a, b, whole, rulings)
    ]
    # The detector's box has a margin; those of the words have none.
    if tokens:
        whole = Box(
            max(whole.x0, min(b.x0 for _, b in tokens)),
            whole.y0,
            min(whole.x1, max(b.x1 for _, b in tokens)),
            whole.y1,
        )
    if not cuts:
        return [Word(whole, line.text, line.confidence)]
    pieces, position = [], 0
    for begin, end in zip([0, *cuts], [*cuts, len(tokens)], strict=True):
        start = finish = -1
        for text, _ in tokens[begin:end]:
            at = line.text.find(text, position)
            if at < 0:
                return [Word(whole, line.text, line.confidence)]
            start = at if start < 0 else start
            position = finish = at + len(text)
        left = whole.x0 if begin == 0 else tokens[begin][1].x0
        right = whole.x1 if end == len(tokens) else tokens[end - 1][1].x1
        if right > left:
            box = Box(left, whole.y0, right, whole.y1)
            pieces.append(Word(box, line.text[start:finish], line.confidence))
    return pieces


def _parted(a: Box, b: Box, line: Box, rulings: Sequence[Ruling]) -> bool:
    return any(
        not r.horizontal and a.middle_x < r.at < b.middle_x and r.start < line.middle_y < r.end
        for r in rulings
    )


def _second_look(
    reader: Reader, pixels: NDArray[np.uint8], tables: Sequence[Table], stop: Stop, on_step: OnStep
) -> list[Table]:
    """Cells that look empty but hold ink, read alone: a detector overlooks single digits."""
    ink = ink_of(pixels)
    crops = {
        (number, cell.row, cell.column): crop
        for number, table in enumerate(tables)
        for cell in table.cells
        if not cell.text and (crop := _inked(pixels, ink, cell.box)) is not None
    }
    texts: dict[tuple[int, int, int], tuple[str, float]] = {}
    for done, (place, crop) in enumerate(itertools.islice(crops.items(), _MAX_SECOND_LOOKS)):
        on_step("small", done, min(len(crops), _MAX_SECOND_LOOKS))
        text, confidence = reader.recognize(crop, stop)
        if text.strip() and confidence > _SURE:
            texts[place] = text.strip(), confidence
    return [
        replace(
            table,
            cells=[
                replace(cell, text=found[0], confidence=found[1])
                if (found := texts.get((number, cell.row, cell.column)))
                else cell
                for cell in table.cells
            ],
        )
        for number, table in enumerate(tables)
    ]


def _inked(pixels: NDArray[np.uint8], ink: NDArray[np.uint8], box: Box) -> NDArray[np.uint8] | None:
    """The inked part of a cell without its border, if it may be a short text."""
    margin = max(3, int(0.12 * box.height))
    x0, y0 = max(0, int(box.x0) + margin), max(0, int(box.y0) + margin)
    x1, y1 = int(box.x1) - margin, int(box.y1) - margin
    inside = ink[y0:y1, x0:x1]
    if inside.size == 0:
        return None
    count, _, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    letters = [
        (x, y, x + w, y + h)
        for x, y, w, h, area in stats[1:count].tolist()
        if h >= 6 and area >= 10 and w < 0.9 * inside.shape[1] and h < 0.98 * inside.shape[0]
    ]
    if not letters:
        return None
    left, top = min(p[0] for p in letters), min(p[1] for p in letters)
    right, bottom = max(p[2] for p in letters), max(p[3] for p in letters)
    pad = 5
    return pixels[max(0, y0 + top - pad) : y0 + bottom + pad, max(0, x0 + left - pad) : x0 + right + pad]
