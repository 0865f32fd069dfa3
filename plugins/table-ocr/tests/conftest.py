from __future__ import annotations

import pytest

from huiyan_table_ocr.reading import Reader


@pytest.fixture(scope="session")
def reader() -> Reader:
    """Models are loaded once for all tests."""
    made = Reader()
    made.warm()
    return made
