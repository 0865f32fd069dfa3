"""What an update needs to know of a component; each kind has a module of its own beside this one.

The registry (`registry.py`) holds one `Replaceable` for each component that can be replaced, by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from huiyan.updates.feed import Component
from huiyan.updates.place import Place
from huiyan.updates.transaction import Staging, Target

#: (bytes done, bytes in all); raises to end the staging.
OnBytes = Callable[[int, int], None]

#: How the change reaches who uses the system; `update.how.*` are the sentences.
How = Literal["beside", "restart", "swap", "next_request", "next_call", "next_start"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What taking a release would mean, before anything is touched.

    download_bytes: to be fetched; kept_bytes: of the component that stay as they are. pause_s: for how long
    new requests are expected to wait; None where nobody knows. changes: (what, unified diff) for people.
    """

    download_bytes: int
    kept_bytes: int = 0
    pause_s: float | None
    how: How
    changes: tuple[tuple[str, str], ...] = ()


class Replaceable(Protocol):
    """A component of this installation that releases can replace."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def target(self) -> Target:
        """How it is replaced."""

    def version_of(self, state: str) -> str | None:
        """What a state calls itself; None where only the journal knows."""

    def has(self, state: str) -> bool:
        """Whether the state is still here whole, to go back to."""

    def plan(self, release: Component, place: Place) -> Plan:
        """Reads heads and locks alone; blocks. Raises: ReleaseFeedError, ComponentMismatchError."""

    def staging(self, release: Component, place: Place, on_bytes: OnBytes) -> Staging:
        """on_bytes: called from any thread."""

    def keep(self, states: tuple[str, ...]) -> None:
        """After a commit: every other state may go. Blocks. Raises: HuiyanError."""

    @property
    def pause_s(self) -> float | None:
        """For how long requests had to wait for the last `apply`; None before one."""
