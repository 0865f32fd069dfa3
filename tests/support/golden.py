"""Outputs that are kept as files: `check` compares, and writes them anew where the environment says so."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "data" / "golden"
#: Read at once: a test that reads huiyan's settings clears such variables.
_WRITE = bool(os.environ.get("TEST_HUIYAN_WRITE_GOLDEN"))


def check(name: str, text: str) -> None:
    """`text` is what tests/data/golden/NAME.txt holds; TEST_HUIYAN_WRITE_GOLDEN=1 writes it."""
    path = GOLDEN / f"{name}.txt"
    if _WRITE:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text("utf-8")
