"""Straight horizontal and vertical lines of a picture, found by morphology (OpenCV)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from huiyan_table_ocr.structure.model import Box, Ruling

#: How much of a line that runs through text has to be inked: strokes of letters leave the space between them.
_SOLID = 0.93
#: By how many of 255 grey levels a line differs from its ground at least.
_FAINTEST = 4.0
#: How far beside the middle of a line its ground is looked at, in pixels: of thin lines, and of thick ones.
_BESIDE = (2, 4, 7)
#: Height over length, and at most so many pixels.
_ASKEW, _MOST_ASKEW_PIXELS = 0.006, 10
_STANDING_OUT = 0.6


def ink_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8[height, width], 255 where something is drawn: darker than around, or lighter on a dark ground."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if float(np.median(grey)) < 110:
        grey = 255 - grey
    return np.asarray(
        cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 25, 10), np.uint8
    )


def find_rulings(pixels: NDArray[np.uint8], line_height: float) -> list[Ruling]:
    """line_height: of the text, in pixels; what is hardly longer is a letter's stroke."""
    ink = ink_of(pixels)
    shortest = max(18, int(1.15 * line_height))
    found = _both_ways(ink, ink, shortest, thicken=1, bridge=3)
    # Faint lines, and light ones on a coloured ground: darker or lighter than what is on both their sides.
    faint = _both_ways(_ridges(pixels, 0), _ridges(pixels, 1), shortest, thicken=1, bridge=1)
    found += _new(faint, found, shortest / 4)
    # Scanned lines are broken and not quite straight. Looked for with more patience, letters make some, too:
    # so only long ones count, and only where no sharp line says better.
    rough = _both_ways(ink, ink, shortest, thicken=3, bridge=7)
    found += _new([line for line in rough if line.length > 2.5 * shortest], found, shortest / 4)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    # Along each line, so that noise counts less.
    across, down = cv2.blur(grey, (9, 1)).astype(np.int16), cv2.blur(grey, (1, 9)).astype(np.int16).T
    return [line for line in found if _stands_out(line, across if line.horizontal else down)]


def _stands_out(line: Ruling, across: NDArray[np.int16]) -> bool:
    """Whether both its sides differ from it in the same way; not so the edge of a coloured field.

    across: grey levels, turned so that the line is horizontal.
    """
    at, start, end = round(line.at), max(0, round(line.start)), round(line.end)
    high = across.shape[0] - 1
    # A long line may still be a little askew.
    reach = 1 + min(_MOST_ASKEW_PIXELS, round(_ASKEW * line.length))
    middle = across[max(0, at - reach) : at + reach + 1, start:end]
    for distance in (reach + beside for beside in _BESIDE):
        before, after = across[max(0, at - distance), start:end], across[min(high, at + distance), start:end]
        darker = np.minimum(before, after) - middle.min(axis=0) >= _FAINTEST
        lighter = middle.max(axis=0) - np.maximum(before, after) >= _FAINTEST
        if max(np.count_nonzero(darker), np.count_nonzero(lighter)) >= _STANDING_OUT * darker.size:
            return True
    return False


def _ridges(pixels: NDArray[np.uint8], axis: int) -> NDArray[np.uint8]:
    """uint8[height, width], 255 on thin lines along the other axis, however faint, if they are no noise."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.int16)
    across = np.abs(np.diff(grey, axis=axis))
    noise = 1.5 * float(np.mean(np.minimum(across, 12)[across < 12])) if (across < 12).any() else 0.0
    least = max(_FAINTEST, 3 * noise)
    found = np.zeros(grey.shape, bool)
    for distance in (2, 4):
        before, after = np.roll(grey, distance, axis), np.roll(grey, -distance, axis)
        found |= np.minimum(before, after) - grey > least
        found |= grey - np.maximum(before, after) > least
    edge = [slice(None), slice(None)]
    for part in (slice(0, 4), slice(-4, None)):  # what rolled in from the other side
        edge[axis] = part
        found[tuple(edge)] = False
    return np.where(found, 255, 0).astype(np.uint8)


def _new(lines: Sequence[Ruling], known: Sequence[Ruling], tolerance: float) -> list[Ruling]:
    return [line for line in lines if not any(_same(line, other, tolerance) for other in known)]


def _same(line: Ruling, other: Ruling, tolerance: float) -> bool:
    if line.horizontal != other.horizontal or abs(line.at - other.at) > tolerance:
        return False
    return min(line.end, other.end) - max(line.start, other.start) > 0.5 * line.length


def _both_ways(
    across: NDArray[np.uint8], down: NDArray[np.uint8], shortest: int, *, thicken: int, bridge: int
) -> list[Ruling]:
    """across, down: what is inked, as it is looked at for horizontal and for vertical lines."""
    return [
        *_along(across, shortest, horizontal=True, thicken=thicken, bridge=bridge),
        *_along(down, shortest, horizontal=False, thicken=thicken, bridge=bridge),
    ]


def _along(
    ink: NDArray[np.uint8], shortest: int, *, horizontal: bool, thicken: int, bridge: int
) -> list[Ruling]:
    size = (shortest, 1) if horizontal else (1, shortest)
    thick = cv2.dilate(ink, np.ones((thicken, 1) if horizontal else (1, thicken), np.uint8))
    near = (bridge, 1) if horizontal else (1, bridge)
    closed = cv2.morphologyEx(thick, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, near))
    long = cv2.morphologyEx(closed, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_RECT, size))
    count, _, stats, _ = cv2.connectedComponentsWithStats(long, connectivity=8)
    widest = max(10, shortest // 3) + thicken
    found: list[Ruling] = []
    for x, y, width, height, area in stats[1:count].tolist():
        length, breadth = (width, height) if horizontal else (height, width)
        # A slanted line's box is broad though the line is thin: its area tells.
        if length < shortest or area / length > widest or breadth > max(widest, 0.03 * length):
            continue
        at = (y + height / 2) if horizontal else (x + width / 2)
        start = x if horizontal else y
        found.append(Ruling(horizontal, float(at), float(start), float(start + length)))
    return found


def without_letters(rulings: Sequence[Ruling], texts: Sequence[Box], ink: NDArray[np.uint8]) -> list[Ruling]:
    """Without strokes of letters that ran into one another: of one line of text, or of several.

    texts: boxes of lines. ink: as ink_of gives it, of the picture in which the rulings were found.
    """
    return [ruling for ruling in rulings if not _is_letters(ruling, texts, ink)]


def _is_letters(ruling: Ruling, texts: Sequence[Box], ink: NDArray[np.uint8]) -> bool:
    crossed = [box for box in texts if _under_text(ruling, [box]) > 0]
    under = sum(_under_text(ruling, [box]) for box in crossed)
    if under < 0.5 * ruling.length:
        return False
    if ruling.horizontal:
        return True
    # A wall that the detector read across reaches beyond the text, or goes on between its lines.
    is_long = ruling.length > 2.5 * max(box.height for box in crossed)
    return under > (0.97 if is_long else 0.8) * ruling.length or _inked_part(ruling, ink) < _SOLID


def _under_text(ruling: Ruling, texts: Sequence[Box]) -> float:
    """Length of it that runs through the inside of lines of text."""
    total = 0.0
    for box in texts:
        (low, high), (begin, end) = (box.y0, box.y1), (box.x0, box.x1)
        if not ruling.horizontal:
            (low, high), (begin, end) = (begin, end), (low, high)
        inset = 0.15 * box.height
        if low + inset < ruling.at < high - inset:
            total += max(0.0, min(ruling.end, end) - max(ruling.start, begin))
    return total


def _inked_part(ruling: Ruling, ink: NDArray[np.uint8]) -> float:
    at, start, end = round(ruling.at), max(0, round(ruling.start)), round(ruling.end)
    near = slice(max(0, at - 1), at + 2)
    along = ink[near, start:end].max(axis=0) if ruling.horizontal else ink[start:end, near].max(axis=1)
    return int(np.count_nonzero(along)) / max(1, int(along.size))
