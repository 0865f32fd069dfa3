"""What the process that reads and the one that answers say to each other: JSON, one object a line."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from huiyan_pdf_parser.geometry import Box
from huiyan_pdf_parser.layout.blocks import Block
from huiyan_pdf_parser.page import Page
from huiyan_pdf_parser.tables.model import Cell, Table


def written(page: Page) -> dict[str, Any]:
    return asdict(page)


def read(told: dict[str, Any]) -> Page:
    """The page that `written` wrote."""
    return Page(**{**told, "blocks": [_block(block) for block in told["blocks"]]})


def _block(told: dict[str, Any]) -> Block:
    table = told["table"]
    return Block(**{**told, "box": Box(*told["box"]), "table": _table(table) if table else None})


def _table(told: dict[str, Any]) -> Table:
    cells = [Cell(**{**cell, "box": Box(*cell["box"])}) for cell in told["cells"]]
    return Table(**{**told, "box": Box(*told["box"]), "cells": cells})
