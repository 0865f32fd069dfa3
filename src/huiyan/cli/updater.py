"""Who does the update: the launcher that runs, or, where none does, this process, for the next start."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from huiyan import __version__
from huiyan.errors import NotRunningError, UpdateError
from huiyan.launcher import control
from huiyan.launcher.lock import DataDirLock, is_held
from huiyan.launcher.remote_errors import rebuild
from huiyan.launcher.state import DataDir, LauncherInfo
from huiyan.launcher.updates import service
from huiyan.launcher.updates.places import open_place
from huiyan.launcher.updates.registry import Registry
from huiyan.launcher.updates.service import UpdateService
from huiyan.launcher.updates.whole import WholeHuiyan
from huiyan.launcher.upgrade.full import FullUpgrades
from huiyan.launcher.upgrade.handover import this_program
from huiyan.launcher.upgrade.place import Place as WholePlace
from huiyan.updates.status import UpdatePlan, UpdatesReport, UpdateStatus

if TYPE_CHECKING:
    from huiyan.settings.model import Settings

_POLL_S: Final = 0.2
#: A plan reads heads and renders templates; a feed may lie behind a slow line.
_TIMEOUT_S: Final = 120.0
_SILENCE_S: Final = 60.0

T = TypeVar("T")
OnStatus = Callable[[UpdateStatus], None]


class Updater(Protocol):
    """running: whether a launcher does it."""

    running: bool

    def report(self, feed: str | None, *, look: bool = True) -> UpdatesReport: ...

    def plan(self, component: str, feed: str | None, version: str | None) -> UpdatePlan: ...

    def update(
        self, component: str, feed: str | None, version: str | None, on_status: OnStatus
    ) -> UpdateStatus:
        """To its end; Ctrl-C cancels it. Raises: HuiyanError, KeyboardInterrupt."""

    def roll_back(self, component: str, on_status: OnStatus) -> UpdateStatus: ...

    def cancel(self) -> None: ...


@contextlib.contextmanager
def updater(settings: Settings) -> Iterator[Updater]:
    """Raises: AlreadyRunningError when a launcher is just starting or ending, StoreError."""
    data_dir = DataDir(settings.data_dir)
    try:
        info = control.running(data_dir)
    except NotRunningError:
        data_dir.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with DataDirLock(data_dir):
            WholePlace(settings.data_dir).recover(settings)
            service.recover(Registry(settings))
            yield _Here(settings)
        return
    yield _There(info, data_dir)


class _There:
    """In the launcher, over its control socket."""

    running = True

    def __init__(self, info: LauncherInfo, data_dir: DataDir) -> None:
        self._info = info
        self._data_dir = data_dir

    def report(self, feed: str | None, *, look: bool = True) -> UpdatesReport:
        return self._ask("updates", UpdatesReport, feed=feed, look=look)

    def plan(self, component: str, feed: str | None, version: str | None) -> UpdatePlan:
        return self._ask("update_plan", UpdatePlan, component=component, feed=feed, version=version)

    def update(
        self, component: str, feed: str | None, version: str | None, on_status: OnStatus
    ) -> UpdateStatus:
        began = self._ask("update", UpdateStatus, component=component, feed=feed, version=version)
        return self._follow(began, on_status)

    def roll_back(self, component: str, on_status: OnStatus) -> UpdateStatus:
        return self._follow(self._ask("update_rollback", UpdateStatus, component=component), on_status)

    def cancel(self) -> None:
        self._ask("update_cancel", dict)

    def _follow(self, began: UpdateStatus, on_status: OnStatus) -> UpdateStatus:
        status = began
        try:
            while status.state == "running":
                on_status(status)
                time.sleep(_POLL_S)
                status = self._look()
        except KeyboardInterrupt:
            self.cancel()
            raise
        return status

    def _look(self) -> UpdateStatus:
        """How it stands; while one version of huiyan becomes another, nobody answers for about a second."""
        deadline_s = time.monotonic() + _SILENCE_S
        while True:
            try:
                return self._ask("update_status", UpdateStatus)
            except NotRunningError:
                if time.monotonic() > deadline_s or not is_held(self._data_dir):
                    raise
                time.sleep(_POLL_S)

    def _ask(self, op: str, kind: type[T], **fields: object) -> T:
        line = control.ask(self._info, op, timeout_s=_TIMEOUT_S, **fields)
        answer: Any = msgspec.json.decode(line)
        # A status has an error of its own, beside much else.
        if isinstance(answer, dict) and set(answer) == {"error"}:
            raise rebuild(answer["error"], otherwise=UpdateError)
        return msgspec.convert(answer, kind)


class _Here:
    """In this process, for the next start; the data directory's lock is held."""

    running = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def report(self, feed: str | None, *, look: bool = True) -> UpdatesReport:
        return asyncio.run(self._service().report(feed, look=look))

    def plan(self, component: str, feed: str | None, version: str | None) -> UpdatePlan:
        return asyncio.run(self._service().planned(component, feed=feed, version=version))

    def update(
        self, component: str, feed: str | None, version: str | None, on_status: OnStatus
    ) -> UpdateStatus:
        async def work(made: UpdateService) -> None:
            await made.start(component, feed=feed, version=version)

        return asyncio.run(self._to_the_end(work, on_status))

    def roll_back(self, component: str, on_status: OnStatus) -> UpdateStatus:
        async def work(made: UpdateService) -> None:
            await made.roll_back(component)

        return asyncio.run(self._to_the_end(work, on_status))

    def cancel(self) -> None:
        """Nothing of it outlives the command that began it."""

    async def _to_the_end(self, work: Callable[[UpdateService], Any], on_status: OnStatus) -> UpdateStatus:
        made = self._service(on_status)
        try:
            await work(made)
            status = await made.wait()
        except asyncio.CancelledError:
            await made.stop()
            raise
        assert status is not None
        return status

    def _service(self, told: OnStatus = lambda _: None) -> UpdateService:
        registry = Registry(self._settings)
        program = this_program(__version__, sys.executable, [])
        upgrades = FullUpgrades(self._settings, program, hand_over=None)
        registry.add(WholeHuiyan(self._settings.data_dir, upgrades, None))
        return UpdateService(
            registry,
            feed=self._settings.update_feed,
            open_place=open_place(self._settings),
            told=told,
        )
