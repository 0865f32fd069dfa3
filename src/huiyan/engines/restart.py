"""When a child that died is started again, and when that is given up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RestartPolicy:
    """Delays double from `first_delay_s` up to `max_delay_s`; a stable stretch starts the count anew.

    max_crashes: in a row, after which it stays down. max_crashes_before_ready: the same while it has
    never been ready, where a repetition is the likelier outcome.
    """

    first_delay_s: float = 0.5
    max_delay_s: float = 30.0
    stable_after_s: float = 60.0
    max_crashes: int = 6
    max_crashes_before_ready: int = 2

    def delay_s(self, crashes: int) -> float:
        """Pause before the start that follows crash number `crashes` (1 is the first)."""
        return float(min(self.max_delay_s, self.first_delay_s * 2 ** (crashes - 1)))

    def count(self, crashes: int, ready_for_s: float) -> int:
        """The number of this crash in a row, when the life that it ended was ready for so long."""
        return 1 if ready_for_s >= self.stable_after_s else crashes + 1

    def gives_up(self, crashes: int, *, was_ready: bool) -> bool:
        return crashes >= (self.max_crashes if was_ready else self.max_crashes_before_ready)
