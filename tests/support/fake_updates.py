"""A launcher that updates nothing, and says of it what a test wants: for the page's view of updates."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huiyan.errors import UpdateRunningError
from huiyan.launcher.control import ControlServer, socket_path
from huiyan.updates.status import (
    ComponentInfo,
    HistoryEntry,
    UpdatePlan,
    UpdatesReport,
    UpdateStatus,
)
from tests.support.fake_launcher import FakeLauncher
from tests.support.page_server import PageServer, page_server

LIMIT_S = 30.0

COMPONENTS = [
    ComponentInfo(name="huiyan", kind="huiyan", version="0.1.0", note="Upgraded with --full."),
    ComponentInfo(name="engine", kind="engine", version="0.5.1", note="It is not replaced alone."),
    ComponentInfo(
        name="vision-encoder",
        kind="vision-encoder",
        version="1",
        available="2",
        title={"zh": "看得更清楚", "en": "Sees better"},
        size_bytes=1_152_000_000,
        pause_s=0.5,
        can_roll_back_to="0.9",
    ),
    ComponentInfo(name="prompt-adapter", kind="prompt-adapter", version="builtin"),
    ComponentInfo(name="tool-pdf-parser", kind="tool", version="1.2.0", available="1.3.0", size_bytes=0),
]
HISTORY = [
    HistoryEntry(
        component="vision-encoder", kind="vision-encoder", version="1", step="committed", at=1_780_000_000.0
    ),
    HistoryEntry(
        component="tool-pdf-parser",
        kind="tool",
        version="1.2.9",
        step="rolled_back",
        at=1_770_000_000.0,
        detail="its canary failed",
    ),
]


class UpdatingLauncher(FakeLauncher):
    """acts: what the page wanted, in its order. report: what a look shows."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: list[tuple[str, str, str | None]] = []
        self.report = UpdatesReport(components=COMPONENTS, history=HISTORY, feed="/srv/releases")
        self.busy = False

    async def updates(self, feed: str | None, *, look: bool) -> UpdatesReport:
        assert feed is None, "a page must not choose the feed"
        return self.report

    async def update_plan(self, component: str, *, feed: str | None, version: str | None) -> UpdatePlan:
        raise NotImplementedError

    def update_status(self) -> UpdateStatus | None:
        return self.report.last

    async def update(self, component: str, *, feed: str | None, version: str | None) -> UpdateStatus:
        assert feed is None, "a page must not choose the feed"
        if self.busy:
            raise UpdateRunningError("prompt-adapter is being updated already.", hint="Wait for its end.")
        self.acts.append(("update", component, version))
        return status(component, version or "?", step="planned")

    def cancel_update(self) -> None:
        self.acts.append(("cancel", "", None))

    async def roll_back(self, component: str) -> UpdateStatus:
        self.acts.append(("rollback", component, None))
        return status(component, "0.9", step="switching")


def status(component: str, version: str, **more: Any) -> UpdateStatus:
    fields: dict[str, Any] = {"step": "staging", "state": "running", "started_at": time.time(), **more}
    return UpdateStatus(component=component, kind=component, version=version, **fields)


@dataclass
class Updating:
    server: PageServer
    launcher: UpdatingLauncher

    def tell(self, told: UpdateStatus) -> None:
        """As the launcher does, to whoever has the page open."""
        self.server.loop.call_soon_threadsafe(self.server.gateway.update_update, told)


@contextlib.contextmanager
def updating(tmp_path: Path) -> Iterator[Updating]:
    """A page's gateway whose launcher is told what to say."""
    launcher = UpdatingLauncher()
    loop = asyncio.new_event_loop()
    control = ControlServer(socket_path(tmp_path / "run"), launcher)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(control.start(), loop).result(LIMIT_S)
    try:
        with page_server(launcher=control.path) as running:
            yield Updating(running, launcher)
    finally:
        loop.call_soon_threadsafe(control.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(LIMIT_S)
        loop.close()
