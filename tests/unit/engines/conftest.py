from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


@pytest.fixture
def child_environment() -> dict[str, str]:
    """For `python -m scripted_child`: this directory and the package on the path."""
    paths = [str(Path(__file__).parent), *[path for path in sys.path if path]]
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(paths)}
