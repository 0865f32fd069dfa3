"""What the service manager is told: ready, stopping, still alive. Without one, nothing happens.

A datagram of `NAME=value` lines to the socket that the manager named. Nothing is answered, and nothing may
go wrong for it: a manager that is away must not take the service along.
Source: man 3 sd_notify, man 5 systemd.service (Type=notify, WatchdogSec=).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Final

from huiyan.launcher.events import Event, Report
from huiyan.settings.environment import ManagerAddress

#: Of the time until the manager gives up; man 3 sd_watchdog_enabled recommends half.
_WATCHDOG_SHARE: Final = 0.5


class Notifier:
    """Speaks to one service manager."""

    def __init__(self, manager: ManagerAddress) -> None:
        self._address = manager.socket
        self._watchdog_s = manager.watchdog_s
        self._ready = False
        self._timer: asyncio.TimerHandle | None = None

    def send(self, **fields: str | int) -> bool:
        """Whether the manager took it; False without one. Never raises and never waits."""
        if not self._address:
            return False
        # A line break would begin another field.
        lines = [f"{name}={' '.join(str(value).splitlines())}" for name, value in fields.items()]
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)
                channel.sendto("\n".join(lines).encode(), address)
        except (OSError, ValueError):
            return False
        return True

    def ready(self, status: str) -> None:
        self._ready = True
        self.send(READY=1, STATUS=status)

    def stopping(self, status: str) -> None:
        self._ready = False
        self.send(STOPPING=1, STATUS=status)

    def reporting(self, report: Report) -> Report:
        """`report`, with the manager told of the same events, in English. A key never reaches it."""

        def tell(event: Event) -> None:
            report(event)
            if event.secret or event.text is None:
                return
            words = event.text.render("en")
            if event.kind == "ready":
                self.ready(words)
            elif event.kind == "stopping":
                self.stopping(words)
            elif event.kind == "step" and not self._ready:
                self.send(STATUS=f"{event.layer}: {words}")

        return tell

    @contextlib.contextmanager
    def alive(self) -> Iterator[None]:
        """Inside, the running loop tells the manager that it turns; where it hangs, the signs stop."""
        if not self._address or self._watchdog_s is None:
            yield
            return
        self._beat(asyncio.get_running_loop(), self._watchdog_s * _WATCHDOG_SHARE)
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _beat(self, loop: asyncio.AbstractEventLoop, interval_s: float) -> None:
        self.send(WATCHDOG=1)
        self._timer = loop.call_later(interval_s, self._beat, loop, interval_s)
