"""A table as rows and columns of cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from huiyan_pdf_parser.geometry import Box

Kind = Literal["ruled", "borderless"]


@dataclass
class Cell:
    """row, column: from 0. lines: its text, line by line."""

    row: int
    column: int
    row_span: int
    column_span: int
    box: Box
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass
class Table:
    """Cells cover each place of the grid once, from the upper left row by row."""

    kind: Kind
    rows: int
    columns: int
    box: Box
    cells: list[Cell]

    def grid(self) -> list[list[str]]:
        """The texts; a merged cell's stands at its first place, the others are empty."""
        texts = [[""] * self.columns for _ in range(self.rows)]
        for cell in self.cells:
            texts[cell.row][cell.column] = cell.text
        return texts
