"""Boxes in page units (1/72 inch), from the upper left corner of the page as it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Box(NamedTuple):
    """x to the right, y down."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def holds(self, x: float, y: float, margin: float = 0.0) -> bool:
        return self.x0 - margin <= x <= self.x1 + margin and self.y0 - margin <= y <= self.y1 + margin

    def common(self, other: Box) -> Box:
        """What lies in both; its area is 0 where nothing does."""
        return Box(
            max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1)
        )


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of them; there has to be one."""
    every = list(boxes)
    return Box(
        min(box.x0 for box in every),
        min(box.y0 for box in every),
        max(box.x1 for box in every),
        max(box.y1 for box in every),
    )


def overlap(a0: float, a1: float, b0: float, b1: float) -> float:
    """Of the shorter of two stretches, the part that lies in the other one: 0 to 1."""
    shorter = min(a1 - a0, b1 - b0)
    if shorter <= 0:
        return 1.0 if max(a0, b0) <= min(a1, b1) else 0.0
    return max(0.0, min(a1, b1) - max(a0, b0)) / shorter


@dataclass(frozen=True)
class Frame:
    """The page turned so that its text runs to the right.

    quarter_turns: 0 as shown; 1 for text that runs down (also vertical writing, whose columns go from right
    to left); 2 upside down; 3 for text that runs up. width, height: of the page as shown.
    """

    quarter_turns: int
    width: float
    height: float

    def into(self, box: Box) -> Box:
        match self.quarter_turns:
            case 1:
                return Box(box.y0, self.width - box.x1, box.y1, self.width - box.x0)
            case 2:
                return Box(
                    self.width - box.x1, self.height - box.y1, self.width - box.x0, self.height - box.y0
                )
            case 3:
                return Box(self.height - box.y1, box.x0, self.height - box.y0, box.x1)
        return box

    def out(self, box: Box) -> Box:
        """Back to the page as shown."""
        match self.quarter_turns:
            case 1:
                return Box(self.width - box.y1, box.x0, self.width - box.y0, box.x1)
            case 3:
                return Box(box.y0, self.height - box.x1, box.y1, self.height - box.x0)
        return self.into(box)
