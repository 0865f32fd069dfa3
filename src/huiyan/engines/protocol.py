"""What the launcher needs of an engine, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from huiyan.engines.child_spec import Failure
from huiyan.engines.status import EngineEndpoint, ModelCard
from huiyan.lifeline import Message


class Engine(Protocol):
    """One configured engine; the process itself belongs to the supervisor."""

    @property
    def name(self) -> str:
        """As `--engine` and `/health` name it."""

    @property
    def card(self) -> ModelCard: ...

    @property
    def endpoint(self) -> EngineEndpoint:
        """Where it will listen, with its key."""

    @property
    def module(self) -> str:
        """Run as `python -m MODULE --lifeline-fd N`."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Added to the child's minimal environment."""

    @property
    def weights_bytes(self) -> int:
        """Size of the files that it loads."""

    def boot(self) -> Message:
        """The first message on the lifeline."""

    def explain(self, returncode: int, tail: Sequence[str]) -> Failure:
        """The likely cause of an end, from the return code and the last lines of output."""
