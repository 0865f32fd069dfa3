"""How full one engine's KV cache is: what it said last, and what was sent to it since."""

from __future__ import annotations

from huiyan.gateway.engine_metrics import KvState

#: Kept free for the answers that are being written, which grow without asking.
_MARGIN = 0.05


class Room:
    """What can be shared out now. running: requests that grow already."""

    __slots__ = ("free_tokens", "running")

    def __init__(self, free_tokens: int, running: int) -> None:
        self.free_tokens = free_tokens
        self.running = running

    def share(self, prompt_tokens: int, choices: int) -> int:
        """Answer tokens (for each choice) of one more request, all that run sharing equally.

        With nothing running there is nobody to share with, and waiting would change nothing: all of it,
        at least one token.
        """
        left = self.free_tokens - prompt_tokens
        if not self.running:
            return max(1, left // choices)
        return max(0, left) // (self.running + 1) // choices


class KvLedger:
    """`told` by the poller, `charge`d at each start. Without a state nothing is bounded."""

    __slots__ = ("_before_tokens", "_since_requests", "_since_tokens", "state")

    def __init__(self) -> None:
        self.state: KvState | None = None
        self._since_tokens = 0
        self._since_requests = 0
        self._before_tokens = 0

    def told(self, state: KvState | None) -> None:
        """A new state. What was sent shortly before it may not be in it yet, and counts once more."""
        self.state = state
        self._before_tokens = self._since_tokens
        self._since_tokens = self._since_requests = 0

    def charge(self, prompt_tokens: int) -> None:
        """A request starts."""
        self._since_tokens += prompt_tokens
        self._since_requests += 1

    def room(self, parts: int = 1) -> Room | None:
        """None: the engine does not say. parts: gateway processes that share the engine."""
        state = self.state
        if state is None or state.free_tokens is None or state.total_tokens is None:
            return None
        free = (
            state.free_tokens - int(_MARGIN * state.total_tokens) - self._before_tokens - self._since_tokens
        )
        running = state.running + state.waiting + self._since_requests
        return Room(max(0, free) // parts if running else state.free_tokens, running)
