"""huiyan itself as a component of a feed: a wheel and its lock, installed beside, and then taking over.

`Target.apply` does not return where huiyan runs: the process becomes the other version, which finds the
journal at `switching` and writes it on (`launcher.upgrade`).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from huiyan import __version__
from huiyan.errors import ComponentMismatchError
from huiyan.launcher.updates.component import How, OnBytes, Plan
from huiyan.launcher.upgrade.full import FullUpgrades
from huiyan.messages import refusal
from huiyan.settings.environment import installer_environment
from huiyan.updates.component_dirs import ComponentDirs
from huiyan.updates.feed import Component, FeedFile
from huiyan.updates.journal import Entry
from huiyan.updates.place import Place
from huiyan.updates.transaction import Staging
from huiyan.updates.version_install import VersionFiles, VersionStaging
from huiyan.updates.versions import KIND, NAME

#: Copies of the releases' files, beside the environments that were made from them.
_KEPT: Final = 2

#: Becomes that state; does not return. Raises: HuiyanError, OSError.
TakeOver = Callable[[Entry, str], Awaitable[None]]


class WholeTarget:
    name = NAME
    kind = KIND

    def __init__(self, upgrades: FullUpgrades, take_over: TakeOver | None) -> None:
        self._upgrades = upgrades
        self._take_over = take_over
        # Not what counts: a version that takes over is asked before it counts.
        self._running = upgrades.place.versions.state_of(Path(sys.prefix))

    def active(self) -> str:
        return self._upgrades.place.versions.active()

    def select(self, state: str) -> None:
        program = self._upgrades.program
        self._upgrades.place.versions.select(state, origin=program.python, origin_version=program.version)

    async def apply(self, state: str) -> None:
        """Nothing where nothing runs, and on the way back: what runs has not changed."""
        if self._take_over is None or state == self._running:
            return
        entry = next(each for each in self._upgrades.place.journal.unfinished() if each.component == NAME)
        await self._take_over(entry, state)

    async def prove(self, state: str) -> None:
        """The version itself does, before it commits; where nothing runs, it was rehearsed."""


class WholeHuiyan:
    """`Replaceable`. take_over: None while nothing runs."""

    name = NAME
    kind = KIND

    def __init__(self, data_dir: Path, upgrades: FullUpgrades, take_over: TakeOver | None) -> None:
        self._upgrades = upgrades
        self._versions = upgrades.place.versions
        self._files = ComponentDirs(data_dir / "components", NAME)
        self._live = take_over is not None
        self.target = WholeTarget(upgrades, take_over)

    @property
    def pause_s(self) -> float | None:
        return None

    def version_of(self, state: str) -> str | None:
        if state == "":
            selected = self._versions.selected()
            return __version__ if selected is None else selected.origin_version
        found = self._versions.find(state)
        return None if found is None else found.version

    def has(self, state: str) -> bool:
        return state == "" or self._versions.find(state) is not None

    def plan(self, release: Component, place: Place) -> Plan:
        _parts(release)
        how: How = "beside" if self._live else "next_start"
        return Plan(download_bytes=release.size_bytes, pause_s=None, how=how)

    def staging(self, release: Component, place: Place, on_bytes: OnBytes) -> Staging:
        return _WholeStaging(self, release, place, on_bytes)

    def keep(self, states: tuple[str, ...]) -> None:
        self._versions.keep(states)
        self._files.keep(self._files.states()[:_KEPT])

    async def make(self, release: Component, place: Place, on_bytes: OnBytes) -> str:
        """The environment, whole and rehearsed. Raises: HuiyanError."""
        wheel, lock = _parts(release)
        done = 0

        def fetch(file: FeedFile) -> Iterator[bytes]:
            nonlocal done
            for piece in place.pieces(file.url):
                done += len(piece)
                on_bytes(min(done, release.size_bytes), release.size_bytes)
                yield piece

        fetched = await asyncio.to_thread(self._files.stage, release, fetch)
        directory = self._files.directory(fetched)
        files = VersionFiles(wheel=directory / wheel.path, lock=directory / lock.path)
        staging = VersionStaging(self._versions, files, installer=installer_environment())
        state = await staging.stage()
        found = self._versions.find(state)
        assert found is not None
        if found.version != release.version:
            words = {"version": release.version, "found": found.version}
            raise refusal(ComponentMismatchError, "upgrade.other_version", **words)
        if state != self.target.active():
            await self._upgrades.prove_alone(found.python, found.version, accept_loss=False)
        return state


class _WholeStaging:
    def __init__(self, whole: WholeHuiyan, release: Component, place: Place, on_bytes: OnBytes) -> None:
        self._whole, self._release, self._place, self._on_bytes = whole, release, place, on_bytes

    async def stage(self) -> str:
        return await self._whole.make(self._release, self._place, self._on_bytes)


def _parts(release: Component) -> tuple[FeedFile, FeedFile]:
    """(wheel, lock). Raises: ComponentMismatchError."""
    wheels = [file for file in release.files if file.path.endswith(".whl")]
    locks = [file for file in release.files if file.path.endswith((".lock", ".txt"))]
    if len(wheels) != 1 or len(locks) != 1:
        raise refusal(ComponentMismatchError, "upgrade.parts", version=release.version)
    return wheels[0], locks[0]
