from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.documents import Parsed, parsed


@pytest.fixture
def parse(tmp_path: Path) -> Parsed:
    """Reads a PDF in this process."""
    return parsed(tmp_path)


@pytest.fixture(autouse=True, scope="session")
def _module_path() -> None:
    """The worker is started by its module's name."""
    import os

    source = str(Path(__file__).parents[1] / "src")
    os.environ["PYTHONPATH"] = os.pathsep.join([source, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    assert sys.executable
