"""Shapes: what they are called, their outlines, and where they go."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from nano.canvas import Box, Canvas, Point
from nano.palette import COLORS, Rgb
from nano.vocabulary import COLOR_NAMES, SHAPE_NAMES, SHAPES, Language

_OUTLINE: Rgb = (30, 30, 30)
_TRIES = 30


@dataclass
class Shape:
    """x, y: centre; radius: of the circle around it; all in logical pixels."""

    kind: str
    color: str
    x: float
    y: float
    radius: float
    box: Box = (0, 0, 0, 0)

    def looks_like(self, other: Shape) -> bool:
        return (self.kind, self.color) == (other.kind, other.color)

    def name(self, language: Language, *, article: bool = True) -> str:
        """红色圆形; a red circle."""
        if language == "zh":
            return COLOR_NAMES[self.color] + SHAPE_NAMES[self.kind]
        name = f"{self.color} {self.kind}"
        if not article:
            return name
        return ("an " if name[0] in "aeiou" else "a ") + name


def name_all(shapes: list[Shape], language: Language) -> str:
    return ("、" if language == "zh" else ", ").join(shape.name(language) for shape in shapes)


def place_shapes(rng: Random, canvas: Canvas, count: int) -> list[Shape]:
    """Draw up to `count` shapes apart from each other; return them from left to right."""
    shapes: list[Shape] = []
    side = min(canvas.width, canvas.height)
    for _ in range(count):
        spot = _free_spot(rng, canvas, shapes, side, 0.17 if count > 3 else 0.24)
        if spot is not None:
            shapes.append(Shape(rng.choice(SHAPES), rng.choice(list(COLORS)), *spot))
    for shape in shapes:
        red, green, blue = COLORS[shape.color]
        rgb = (_near(rng, red), _near(rng, green), _near(rng, blue))
        _draw(canvas, shape, rgb, _OUTLINE if rng.random() < 0.15 else None)
    shapes.sort(key=lambda shape: shape.x)
    return shapes


def _free_spot(
    rng: Random, canvas: Canvas, shapes: list[Shape], side: int, largest: float
) -> tuple[float, float, float] | None:
    """Centre and radius that touch no other shape, and whose order from the left is plain."""
    for _ in range(_TRIES):
        radius = max(rng.uniform(0.07, largest) * side, 16)
        x = rng.uniform(radius + 3, canvas.width - radius - 3)
        y = rng.uniform(radius + 3, canvas.height - radius - 3)
        apart = all((x - o.x) ** 2 + (y - o.y) ** 2 > (radius + o.radius + 5) ** 2 for o in shapes)
        if apart and all(abs(x - other.x) > 12 for other in shapes):
            return x, y, radius
    return None


def _near(rng: Random, level: int) -> int:
    return min(255, max(0, level + rng.randint(-18, 18)))


def _draw(canvas: Canvas, shape: Shape, rgb: Rgb, outline: Rgb | None) -> None:
    """Draw the shape and note its box."""
    if shape.kind == "circle":
        x, y, r = shape.x, shape.y, shape.radius
        shape.box = (x - r, y - r, x + r, y + r)
        canvas.ellipse(shape.box, fill=rgb, outline=outline)
        return
    points = _corners(shape)
    canvas.polygon(points, fill=rgb, outline=outline)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    shape.box = (min(xs), min(ys), max(xs), max(ys))


def _corners(shape: Shape) -> list[Point]:
    x, y, r = shape.x, shape.y, shape.radius

    def regular(count: int, start_deg: float = -90, radius: float = r) -> list[Point]:
        angles = [math.radians(start_deg + 360 * i / count) for i in range(count)]
        return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]

    def around(offsets: list[Point]) -> list[Point]:
        return [(x + dx, y + dy) for dx, dy in offsets]

    s, t = r * 0.86, r * 0.34
    match shape.kind:
        case "triangle":
            return regular(3)
        case "square":
            return around([(-s, -s), (s, -s), (s, s), (-s, s)])
        case "rectangle":
            return around([(-r, -r * 0.5), (r, -r * 0.5), (r, r * 0.5), (-r, r * 0.5)])
        case "diamond":
            return around([(0, -r), (r * 0.7, 0), (0, r), (-r * 0.7, 0)])
        case "hexagon":
            return regular(6, 0)
        case "star":
            outer, inner = regular(5), regular(5, -54, r * 0.42)
            return [point for both in zip(outer, inner, strict=True) for point in both]
        case "cross":
            upper = [(-t, -r), (t, -r), (t, -t), (r, -t), (r, t), (t, t)]
            lower = [(t, r), (-t, r), (-t, t), (-r, t), (-r, -t), (-t, -t)]
            return around([*upper, *lower])
        case kind:
            raise ValueError(f"no such shape: {kind}")
