"""`huiyan update --full` in the launcher: install, rehearse, hand over.

The transaction spans two programs. The one that runs writes the journal up to `switching` and becomes the
other; that one writes `proving` and, once it serves, moves the pointer and writes `committed`
(`upgrader`). If it gives back, the first one writes `rolling_back` and `rolled_back`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from huiyan import __version__, log
from huiyan.errors import ComponentMismatchError, HuiyanError, UpdateError
from huiyan.launcher.upgrade import rehearsal
from huiyan.launcher.upgrade.handover import Program
from huiyan.launcher.upgrade.place import Place
from huiyan.launcher.upgrade.status import UpgradeStatus
from huiyan.messages import Text, cause_of, refusal
from huiyan.settings.environment import installer_environment
from huiyan.settings.model import Settings
from huiyan.settings.selected import environment_of, whole_environment
from huiyan.state import earlier
from huiyan.updates.journal import Entry, Step
from huiyan.updates.status import fault_of
from huiyan.updates.version_install import VersionFiles, VersionStaging
from huiyan.updates.versions import KIND, NAME
from huiyan.updates.wheel import read_wheel

_log = log.get_logger(__name__)

HandOver = Callable[[Entry, Program], Awaitable[None]]


class _Staging(Protocol):
    async def stage(self) -> str: ...


class _Known:
    """A state that is here already."""

    def __init__(self, state: str) -> None:
        self._state = state

    async def stage(self) -> str:
        return self._state


class FullUpgrades:
    """One at a time. `status` is that of the running or the last one."""

    def __init__(
        self,
        settings: Settings,
        program: Program,
        *,
        hand_over: HandOver | None,
        told: Callable[[UpgradeStatus], None] = lambda _: None,
    ) -> None:
        """program: this one. hand_over: does not return; None where nothing runs. told: each status."""
        self._settings = settings
        self.program = program
        self._hand_over = hand_over
        self._told = told
        self.place = Place(settings.data_dir)
        self.status: UpgradeStatus | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def begin(self, work: Callable[[], Awaitable[Entry]], tasks: asyncio.TaskGroup) -> UpgradeStatus:
        """Run `upgrade` or `roll_back` in a task; its end stands in `status`. Raises: UpdateError (busy)."""
        if self.running:
            raise refusal(UpdateError, "upgrade.busy")
        self._tell(
            UpgradeStatus(component=NAME, kind=KIND, version="", step=Step.PLANNED, started_at=time.time())
        )
        self._task = tasks.create_task(self._guarded(work))
        assert self.status is not None
        return self.status

    def adopt(self, status: UpgradeStatus) -> None:
        """What the version before has begun, and how it ended."""
        self._tell(status)

    async def stop(self) -> None:
        """At the launcher's end."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def cancel(self) -> None:
        """Before the other version takes over; afterwards there is `roll_back`."""
        if self.running and self.status is not None and self.status.step in (Step.PLANNED, Step.STAGING):
            assert self._task is not None
            self._task.cancel()

    async def upgrade(self, files: VersionFiles) -> Entry:
        """Install the wheel side by side and let it take over.

        Returns where nothing runs, or nothing was to be done. Raises: UpdateError and its kinds, StoreError.
        """
        facts = await asyncio.to_thread(read_wheel, files.wheel)
        self.place.check_newer(facts.version, __version__)
        staging = VersionStaging(
            self.place.versions, files, installer=installer_environment(), on_line=self._say
        )
        return await self._change(staging, facts.version)

    async def roll_back(self, *, accept_loss: bool = False) -> Entry:
        """To the version before the one that counts. accept_loss: of what was written since a migration.

        Raises: UpdateError and its kinds, StoreError.
        """
        state, version = await asyncio.to_thread(self.place.previous)
        return await self._change(_Known(state), version, accept_loss=accept_loss)

    async def become(self, entry: Entry, state: str) -> None:
        """Let another version take over from `switching` on; does not return.

        Raises: UpdateError and its kinds, StoreError; then nothing has changed.
        """
        assert self._hand_over is not None
        python = self.place.versions.python(state, origin=self.program.python)
        described = await self.prove_alone(python, entry.version, accept_loss=False)
        program = Program(
            python=python,
            arguments=self.program.arguments,
            version=described.version,
            environment=self.place.environment_of(state, self.program),
        )
        try:
            await self._hand_over(entry, program)
        except OSError as error:
            raise refusal(UpdateError, "upgrade.exec", python=python, reason=error.strerror) from error

    async def _change(self, staging: _Staging, version: str, *, accept_loss: bool = False) -> Entry:
        place = self.place
        before = place.versions.active()
        entry = place.journal.begin(component=NAME, kind=KIND, version=version, before=before, after="")
        try:
            entry = self._note(entry, Step.STAGING)
            after = await staging.stage()
            if after == before:
                return self._note(entry, Step.ABANDONED, after=after, detail=Text("component.same_word", {}))
            python = place.versions.python(after, origin=self.program.python)
            described = await self.prove_alone(python, version, accept_loss=accept_loss)
        except (HuiyanError, asyncio.CancelledError) as error:
            self._note(entry, Step.ABANDONED, detail=_told(error))
            raise
        entry = self._note(entry, Step.SWITCHING, after=after)
        try:
            if self._hand_over is not None:
                back_environment = self.place.environment_of(after, self.program)
                await self._hand_over(
                    entry,
                    Program(
                        python=python,
                        arguments=self.program.arguments,
                        version=described.version,
                        environment=back_environment,
                    ),
                )
            else:
                database = place.database(self._settings)
                if database is not None:
                    await asyncio.to_thread(earlier.go_back, database, known=described.schema)
        except (HuiyanError, OSError, asyncio.CancelledError) as error:
            entry = self._note(entry, Step.ROLLING_BACK, detail=_told(error))
            self._note(entry, Step.ROLLED_BACK, detail=_told(error))
            if isinstance(error, OSError):
                raise refusal(UpdateError, "upgrade.exec", python=python, reason=error.strerror) from error
            raise
        return self.place.commit(self._note(entry, Step.PROVING), before=self.program)

    async def prove_alone(self, python: str, version: str, *, accept_loss: bool) -> rehearsal.Description:
        """Raises: UpdateError; nothing that runs was touched."""
        environment = environment_of(whole_environment())
        self._say("describing")
        described = await rehearsal.describe(python, version, environment)
        database = self.place.database(self._settings)
        copied: Path | None = database
        if database is not None:
            lost = await asyncio.to_thread(earlier.would_lose, database, known=described.schema)
            if lost is not None:
                copied = earlier.copy_for(database, described.schema)
                if not accept_loss:
                    raise refusal(
                        ComponentMismatchError,
                        "upgrade.would_lose",
                        version=version,
                        keys=lost.keys,
                        requests=lost.requests,
                        kept=lost.kept,
                    )
        self._say("rehearsing")
        await rehearsal.rehearse(
            python,
            self.program.arguments if self._hand_over is not None else self.place.plain_start(),
            version=version,
            environment=environment,
            scratch_root=self.place.versions.root,
            database=copied,
            secret=self.place.secret(self._settings),
        )
        return described

    async def _guarded(self, work: Callable[[], Awaitable[Entry]]) -> None:
        """A task boundary: how it ended stands in `status`."""
        assert self.status is not None
        try:
            async with self.place.alone():
                entry = await work()
        except HuiyanError as error:
            _log.warning("the upgrade was not made: %s", error.message, extra={"code": error.code})
            self._end("failed", error)
        except asyncio.CancelledError:
            self._end("cancelled", None)
            raise
        else:
            self._tell(_with(self.status, step=entry.step, state="done", version=entry.version))

    def _end(self, state: str, error: HuiyanError | None) -> None:
        assert self.status is not None
        self._tell(_with(self.status, state=state, error=None if error is None else fault_of(error)))

    def _note(self, entry: Entry, step: Step, *, after: str | None = None, detail: Text | str = "") -> Entry:
        noted = self.place.journal.note(entry, step, after=after, detail=detail)
        if self.status is not None:
            self._tell(_with(self.status, step=step, version=entry.version, detail=noted.detail))
        return noted

    def _say(self, line: str) -> None:
        if self.status is not None:
            self._tell(_with(self.status, detail=line[:200]))

    def _tell(self, status: UpgradeStatus) -> None:
        self.status = status
        self._told(status)


def _with(status: UpgradeStatus, **changes: Any) -> UpgradeStatus:  # Any: fields of the status
    return msgspec.structs.replace(status, **changes)


def _told(error: BaseException) -> Text | str:
    if isinstance(error, HuiyanError):
        return cause_of(error)
    return Text("component.cancelled_word", {}) if isinstance(error, asyncio.CancelledError) else str(error)
