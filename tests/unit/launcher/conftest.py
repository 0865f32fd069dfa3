from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from huiyan.launcher.state import DataDir
from huiyan.settings.load import load
from huiyan.settings.model import Settings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HUIYAN_"):
            monkeypatch.delenv(name)


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    place = DataDir(tmp_path / "data")
    place.root.mkdir()
    return place


@pytest.fixture
def make_settings(data_dir: DataDir) -> Callable[..., Settings]:
    """Settings with any free ports and one engine thread, unless told otherwise."""

    def make(**sections: dict[str, Any]) -> Settings:
        return load(
            {
                "data_dir": data_dir.root,
                "gateway": {"port": 0, **sections.get("gateway", {})},
                "engine": {"port": 0, "threads": 1, **sections.get("engine", {})},
                "launcher": {"open_browser": False, **sections.get("launcher", {})},
            }
        )

    return make


@pytest.fixture
def child_environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
