"""Straight lines and pictures that are drawn on a page."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import pypdfium2.raw as pdfium

from huiyan_pdf_parser.document.characters import Space
from huiyan_pdf_parser.geometry import Box

#: What a page may have drawn on it, forms within forms counted; the rest is left out.
MAX_OBJECTS: Final = 20_000
_MAX_DEPTH: Final = 6
_MAX_SEGMENTS: Final = 400
_MAX_RULINGS: Final = 6_000
#: A filled rectangle is a line if it is not thicker than this, in points.
_THIN: Final = 3.0
_SHORTEST: Final = 4.0
_STRAIGHT: Final = 0.6
_WHITE: Final = 250

_Matrix = tuple[float, float, float, float, float, float]
_SAME: Final[_Matrix] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True)
class Ruling:
    """A horizontal line at y = `at` from x = start to end, or a vertical one at x = `at`."""

    horizontal: bool
    at: float
    start: float
    end: float


@dataclass
class Drawings:
    """pictures: raw object handles with their boxes. They live as long as the page is open."""

    rulings: list[Ruling] = field(default_factory=list)
    pictures: list[tuple[Any, Box]] = field(default_factory=list)
    cut: bool = False


def drawings_of(page: Any, space: Space) -> Drawings:
    """page: a pypdfium2.PdfPage."""
    found = Drawings()
    for seen, (handle, kind, matrix) in enumerate(_objects(page.raw)):
        if seen >= MAX_OBJECTS:
            found.cut = True
            break
        if kind == pdfium.FPDF_PAGEOBJ_PATH and len(found.rulings) < _MAX_RULINGS:
            _add_path(handle, matrix, space, found.rulings)
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            box = _bounds(handle, matrix, space)
            if box is not None:
                found.pictures.append((handle, box))
    return found


def _objects(page: Any) -> Iterator[tuple[Any, int, _Matrix]]:
    """All objects with the matrix of the forms that hold them, in drawing order."""
    stack: list[tuple[Any, bool, int, int, _Matrix]] = [(page, True, 0, 0, _SAME)]
    while stack:
        holder, is_page, index, depth, matrix = stack.pop()
        count = pdfium.FPDFPage_CountObjects(holder) if is_page else pdfium.FPDFFormObj_CountObjects(holder)
        if index >= count:
            continue
        stack.append((holder, is_page, index + 1, depth, matrix))
        handle = (
            pdfium.FPDFPage_GetObject(holder, index)
            if is_page
            else pdfium.FPDFFormObj_GetObject(holder, index)
        )
        if not handle:
            continue
        kind = pdfium.FPDFPageObj_GetType(handle)
        yield handle, kind, matrix
        if kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MAX_DEPTH:
            stack.append((handle, False, 0, depth + 1, _times(_matrix(handle), matrix)))


def _matrix(handle: Any) -> _Matrix:
    raw = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(handle, ctypes.byref(raw)):
        return _SAME
    return raw.a, raw.b, raw.c, raw.d, raw.e, raw.f


def _times(inner: _Matrix, outer: _Matrix) -> _Matrix:
    a, b, c, d, e, f = inner
    g, h, i, j, k, m = outer
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


def _point(x: float, y: float, matrix: _Matrix) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _bounds(handle: Any, matrix: _Matrix, space: Space) -> Box | None:
    edges = [ctypes.c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(handle, *map(ctypes.byref, edges)):
        return None
    left, bottom, right, top = (edge.value for edge in edges)
    corners = [_point(x, y, matrix) for x in (left, right) for y in (bottom, top)]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    box = space.box(min(xs), min(ys), max(xs), max(ys))
    if not all(map(math.isfinite, box)):
        return None
    shown = box.common(Box(0.0, 0.0, space.width, space.height))
    return shown if shown.width > 0 and shown.height > 0 else None


def _add_path(handle: Any, outer: _Matrix, space: Space, rulings: list[Ruling]) -> None:
    filled, stroked = ctypes.c_int(), ctypes.c_int()
    if not pdfium.FPDFPath_GetDrawMode(handle, ctypes.byref(filled), ctypes.byref(stroked)):
        return
    is_filled = bool(filled.value) and _visible(handle, pdfium.FPDFPageObj_GetFillColor)
    is_stroked = bool(stroked.value) and _visible(handle, pdfium.FPDFPageObj_GetStrokeColor)
    if not is_filled and not is_stroked:
        return
    matrix = _times(_matrix(handle), outer)
    for points in _strokes(handle, matrix, space):
        if is_stroked:
            _add_stroke(points, rulings)
        elif len(points) >= 4:
            _add_fill(points, rulings)


def _visible(handle: Any, ask: Any) -> bool:
    red, green, blue, alpha = (ctypes.c_uint(0) for _ in range(4))
    if not ask(handle, *map(ctypes.byref, (red, green, blue, alpha))):
        return True
    return alpha.value > 8 and min(red.value, green.value, blue.value) < _WHITE


def _strokes(handle: Any, matrix: _Matrix, space: Space) -> Iterator[list[tuple[float, float]]]:
    """The straight pieces of a path as corners, on the page as it is shown."""
    points: list[tuple[float, float]] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    for index in range(min(pdfium.FPDFPath_CountSegments(handle), _MAX_SEGMENTS)):
        segment = pdfium.FPDFPath_GetPathSegment(handle, index)
        if not segment or not pdfium.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y)):
            continue
        kind = pdfium.FPDFPathSegment_GetType(segment)
        px, py = _point(x.value, y.value, matrix)
        corner = space.box(px, py, px, py)[:2]
        if not all(map(math.isfinite, corner)):
            return
        if kind != pdfium.FPDF_SEGMENT_LINETO and points:
            yield points
            points = []
        points.append(corner)
        if pdfium.FPDFPathSegment_GetClose(segment):
            yield [*points, points[0]]
            points = []
    if points:
        yield points


def _add_stroke(points: list[tuple[float, float]], rulings: list[Ruling]) -> None:
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(y1 - y0) <= _STRAIGHT and abs(x1 - x0) >= _SHORTEST:
            rulings.append(Ruling(True, (y0 + y1) / 2, min(x0, x1), max(x0, x1)))
        elif abs(x1 - x0) <= _STRAIGHT and abs(y1 - y0) >= _SHORTEST:
            rulings.append(Ruling(False, (x0 + x1) / 2, min(y0, y1), max(y0, y1)))


def _add_fill(points: list[tuple[float, float]], rulings: list[Ruling]) -> None:
    """A thin filled rectangle is a line."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    if y1 - y0 <= _THIN and x1 - x0 >= max(_SHORTEST, 2 * (y1 - y0)):
        rulings.append(Ruling(True, (y0 + y1) / 2, x0, x1))
    elif x1 - x0 <= _THIN and y1 - y0 >= max(_SHORTEST, 2 * (x1 - x0)):
        rulings.append(Ruling(False, (x0 + x1) / 2, y0, y1))
