"""The pictures of the guides and READMEs."""

from __future__ import annotations

from typing import Any


def take_docs(*_: Any) -> None: ...
