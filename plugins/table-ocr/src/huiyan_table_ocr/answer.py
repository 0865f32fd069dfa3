"""The structured answer: tables, cells, and where each of them is on the given picture."""

from __future__ import annotations

from typing import Any

from huiyan_table_ocr.reading import Read
from huiyan_table_ocr.structure import Box, Cell, Table

_LABEL = 80


def structured(read: Read, size: tuple[int, int]) -> dict[str, Any]:
    """size: width and height of the picture in pixels.

    `box` is in pixels of the picture, `bbox_2d` in thousandths of its width and height, as Qwen3-VL writes.
    """
    width, height = size
    return {
        "schema": 1,
        "width": width,
        "height": height,
        "turned_degrees": round(read.turned_degrees, 2),
        "tables": [_table(index, table, size) for index, table in enumerate(read.tables, 1)],
        "words": []
        if read.tables
        else [
            {"text": word.text, "confidence": round(word.confidence, 3), "box": _pixels(word.box)}
            for word in read.words
        ],
    }


def _table(index: int, table: Table, size: tuple[int, int]) -> dict[str, Any]:
    return {
        "index": index,
        "kind": table.kind,
        "rows": table.rows,
        "columns": table.columns,
        "box": _pixels(table.box),
        "cells": [_cell(cell, size) for cell in table.cells],
    }


def _cell(cell: Cell, size: tuple[int, int]) -> dict[str, Any]:
    width, height = size
    box = cell.box
    thousandths = [
        round(box.x0 / width * 1000),
        round(box.y0 / height * 1000),
        round(box.x1 / width * 1000),
        round(box.y1 / height * 1000),
    ]
    told: dict[str, Any] = {
        "row": cell.row,
        "column": cell.column,
        "row_span": cell.row_span,
        "column_span": cell.column_span,
        "text": cell.text,
        "confidence": round(cell.confidence, 3),
        "box": _pixels(box),
    }
    # Empty cells are no marks on the picture.
    return {**told, "bbox_2d": thousandths, "label": cell.text[:_LABEL]} if cell.text else told


def _pixels(box: Box) -> list[int]:
    return [round(number) for number in box]
