"""From words with boxes, and lines, to tables. Geometry alone: no picture, no file, no model."""

from huiyan_table_ocr.structure.borderless import find_borderless
from huiyan_table_ocr.structure.model import Box, Cell, Ruling, Table, Word
from huiyan_table_ocr.structure.outputs import to_csv, to_html, to_markdown, to_xlsx
from huiyan_table_ocr.structure.ruled import Grid, fill, find_grids
from huiyan_table_ocr.structure.tables import find_tables

__all__ = [
    "Box",
    "Cell",
    "Grid",
    "Ruling",
    "Table",
    "Word",
    "fill",
    "find_borderless",
    "find_grids",
    "find_tables",
    "to_csv",
    "to_html",
    "to_markdown",
    "to_xlsx",
]
