"""The new version's first act: hold on to everything that is needed to give it back.

Whatever goes wrong before the new version has proven itself (an error, a bug, a usage error, a hang), the
process becomes the version before again. Only a kill cannot be caught; the next start tells by the journal.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from types import FrameType
from typing import Final, NoReturn

import msgspec

from huiyan import __version__, log
from huiyan.launcher.upgrade import handover as handing
from huiyan.launcher.upgrade.handover import FLAG, Handover, Program, Retiree

_log = log.get_logger(__name__)

#: Beyond the start's own limit, which ends in order: a start that does not even notice it hangs.
_HANG_MARGIN_S: Final = 30.0


class Takeover:
    """Keeps what the version before has left until `settle`. What others get of it are duplicates."""

    def __init__(self, handover: Handover) -> None:
        self.handover = handover
        #: No way back from here: committed, or stopped by somebody.
        self.settled = False
        self.reason = ""
        if not handover.back and hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self._hangs)
            signal.setitimer(signal.ITIMER_REAL, handover.timeout_s + _HANG_MARGIN_S)

    @property
    def back(self) -> bool:
        return self.handover.back

    def lock_fd(self) -> int:
        return os.dup(self.handover.lock_fd)

    def listener(self) -> socket.socket:
        return socket.socket(fileno=os.dup(self.handover.listener_fd))

    def control(self) -> socket.socket:
        return socket.socket(fileno=os.dup(self.handover.control_fd))

    def child(self, retiree: Retiree) -> tuple[socket.socket, int]:
        """(lifeline, output)."""
        lifeline = socket.socket(fileno=os.dup(retiree.lifeline_fd))
        return lifeline, os.dup(retiree.output_fd)

    def settle(self) -> None:
        """There is no way back any more: let go."""
        if self.settled:
            return
        self.settled = True
        self._disarm()
        for fd in self.handover.descriptors:
            with contextlib.suppress(OSError):
                os.close(fd)

    def give_back(self, reason: str) -> NoReturn:
        """Become the version before. Raises: OSError."""
        self._disarm()
        self.settled = True
        now = Program(python=sys.executable, arguments=self.handover.before.arguments, version=__version__)
        _log.warning("huiyan %s gives back to %s: %s", __version__, self.handover.before.version, reason)
        handing.become(
            self.handover.before,
            msgspec.structs.replace(self.handover, before=now, back=True, reason=reason[:500]),
        )

    def _disarm(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0.0)

    def _hangs(self, _number: int, _frame: FrameType | None) -> None:
        self.give_back(f"it was not ready within {self.handover.timeout_s + _HANG_MARGIN_S:.0f} s")


def takeover_of(arguments: list[str]) -> Takeover | None:
    """What was handed over to this process, if anything was. Raises: UpdateError."""
    if FLAG not in arguments[:-1]:
        return None
    return Takeover(handing.read(int(arguments[arguments.index(FLAG) + 1])))
