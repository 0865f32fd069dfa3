"""Processes that a test has started and what they started; not those of fixtures that live longer."""

from __future__ import annotations

import psutil


class Descendants:
    """Made before the test starts anything. `found` names what runs now."""

    def __init__(self) -> None:
        self._before = {child.pid for child in psutil.Process().children()}

    def found(self) -> list[psutil.Process]:
        """Without the dead that nobody has waited for."""
        own = [child for child in psutil.Process().children() if child.pid not in self._before]
        every = [*own, *(each for child in own for each in _below(child))]
        return [each for each in every if _alive(each)]


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
