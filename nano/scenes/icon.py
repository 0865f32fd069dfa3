"""Twelve simple pictures of products."""

from __future__ import annotations

from collections.abc import Callable

from nano.canvas import Box, Canvas, Point
from nano.palette import WHITE, Rgb


class _Square:
    """The square that an icon is drawn in; coordinates are fractions of its side."""

    def __init__(self, canvas: Canvas, x: float, y: float, side: float, color: Rgb, dark: Rgb) -> None:
        self.canvas, self.x, self.y, self.side = canvas, x, y, side
        self.color, self.dark = color, dark

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        return (
            self.x + left * self.side,
            self.y + top * self.side,
            self.x + right * self.side,
            self.y + bottom * self.side,
        )

    def points(self, *points: Point) -> list[Point]:
        return [(self.x + x * self.side, self.y + y * self.side) for x, y in points]

    def length(self, fraction: float) -> float:
        return self.side * fraction


def draw_icon(canvas: Canvas, kind: str, x: float, y: float, side: float, color: Rgb, dark: Rgb) -> None:
    """kind: a key of `vocabulary.ICON_NAMES`. color: of the thing; dark: of its details."""
    _ICONS[kind](canvas, _Square(canvas, x, y, side, color, dark))


def _cup(c: Canvas, s: _Square) -> None:
    c.arc(s.box(0.6, 0.3, 0.98, 0.7), -90, 90, fill=s.dark, width=s.length(0.06))
    c.rounded(s.box(0.15, 0.15, 0.75, 0.88), s.length(0.08), fill=s.color)
    c.rectangle(s.box(0.15, 0.22, 0.75, 0.3), fill=s.dark)


def _bottle(c: Canvas, s: _Square) -> None:
    c.rectangle(s.box(0.4, 0.03, 0.6, 0.2), fill=s.dark)
    c.rounded(s.box(0.28, 0.2, 0.72, 0.97), s.length(0.12), fill=s.color)
    c.rectangle(s.box(0.28, 0.45, 0.72, 0.7), fill=WHITE)


def _phone(c: Canvas, s: _Square) -> None:
    c.rounded(s.box(0.25, 0.02, 0.75, 0.98), s.length(0.07), fill=s.dark)
    c.rectangle(s.box(0.3, 0.1, 0.7, 0.86), fill=s.color)
    c.ellipse(s.box(0.46, 0.89, 0.54, 0.96), fill=(230, 230, 230))


def _shoe(c: Canvas, s: _Square) -> None:
    upper = s.points((0.05, 0.35), (0.35, 0.35), (0.5, 0.55), (0.9, 0.62), (0.97, 0.78), (0.05, 0.78))
    c.polygon(upper, fill=s.color)
    c.rectangle(s.box(0.04, 0.78, 0.98, 0.88), fill=s.dark)


def _bag(c: Canvas, s: _Square) -> None:
    c.arc(s.box(0.3, 0.05, 0.7, 0.6), 180, 360, fill=s.dark, width=s.length(0.06))
    c.polygon(s.points((0.12, 0.32), (0.88, 0.32), (0.97, 0.95), (0.03, 0.95)), fill=s.color)


def _book(c: Canvas, s: _Square) -> None:
    c.rectangle(s.box(0.18, 0.06, 0.85, 0.95), fill=s.color)
    c.rectangle(s.box(0.18, 0.06, 0.28, 0.95), fill=s.dark)
    for y in (0.3, 0.45):
        c.line(s.points((0.4, y), (0.75, y)), fill=WHITE, width=s.length(0.05))


def _lamp(c: Canvas, s: _Square) -> None:
    c.polygon(s.points((0.3, 0.05), (0.7, 0.05), (0.92, 0.5), (0.08, 0.5)), fill=s.color)
    c.rectangle(s.box(0.46, 0.5, 0.54, 0.88), fill=s.dark)
    c.rectangle(s.box(0.25, 0.88, 0.75, 0.96), fill=s.dark)


def _apple(c: Canvas, s: _Square) -> None:
    c.ellipse(s.box(0.1, 0.25, 0.62, 0.95), fill=s.color)
    c.ellipse(s.box(0.38, 0.25, 0.9, 0.95), fill=s.color)
    c.line(s.points((0.5, 0.3), (0.56, 0.05)), fill=s.dark, width=s.length(0.06))


def _shirt(c: Canvas, s: _Square) -> None:
    right = [(0.3, 0.08), (0.7, 0.08), (0.98, 0.3), (0.84, 0.46), (0.74, 0.38), (0.74, 0.95)]
    left = [(0.26, 0.95), (0.26, 0.38), (0.16, 0.46), (0.02, 0.3)]
    c.polygon(s.points(*right, *left), fill=s.color)
    c.ellipse(s.box(0.4, 0.02, 0.6, 0.16), fill=s.dark)


def _box(c: Canvas, s: _Square) -> None:
    c.rectangle(s.box(0.08, 0.2, 0.92, 0.92), fill=s.color)
    c.rectangle(s.box(0.44, 0.2, 0.56, 0.92), fill=s.dark)
    c.rectangle(s.box(0.08, 0.2, 0.92, 0.32), fill=s.dark)


def _headphones(c: Canvas, s: _Square) -> None:
    c.arc(s.box(0.12, 0.08, 0.88, 0.9), 180, 360, fill=s.dark, width=s.length(0.08))
    c.rounded(s.box(0.05, 0.45, 0.28, 0.9), s.length(0.08), fill=s.color)
    c.rounded(s.box(0.72, 0.45, 0.95, 0.9), s.length(0.08), fill=s.color)


def _umbrella(c: Canvas, s: _Square) -> None:
    c.pie(s.box(0.04, 0.08, 0.96, 1.0), 180, 360, fill=s.color)
    c.line(s.points((0.5, 0.08), (0.5, 0.9)), fill=s.dark, width=s.length(0.05))
    c.arc(s.box(0.5, 0.8, 0.66, 0.96), 0, 180, fill=s.dark, width=s.length(0.05))


_ICONS: dict[str, Callable[[Canvas, _Square], None]] = {
    "cup": _cup,
    "bottle": _bottle,
    "phone": _phone,
    "shoe": _shoe,
    "bag": _bag,
    "book": _book,
    "lamp": _lamp,
    "apple": _apple,
    "shirt": _shirt,
    "box": _box,
    "headphones": _headphones,
    "umbrella": _umbrella,
}
