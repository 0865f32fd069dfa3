"""Wheels with a few bytes in them."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path


def tiny_wheel(
    directory: Path,
    version: str,
    *,
    name: str = "huiyan",
    python: str = ">=3.11",
    requires: Sequence[str] = (),
) -> Path:
    """Says what it is, and holds nothing that would run."""
    path = directory / "huiyan-0-py3-none-any.whl"
    head = [f"Name: {name}", f"Version: {version}", f"Requires-Python: {python}"]
    lines = ["Metadata-Version: 2.1", *head, *(f"Requires-Dist: {each}" for each in requires), ""]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("huiyan-0.dist-info/METADATA", "\n".join(lines))
    return path
