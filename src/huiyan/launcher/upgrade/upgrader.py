"""The launcher's side of a full upgrade: hands over to another version, or takes over from one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from socket import socket
from typing import Final

import msgspec
import psutil

from huiyan import __version__, log
from huiyan.engines.child import LineSink
from huiyan.engines.vllm import VllmEngine
from huiyan.errors import HuiyanError, UpdateError
from huiyan.launcher.control import ControlServer
from huiyan.launcher.lock import DataDirLock
from huiyan.launcher.model_fetches import ModelFetches
from huiyan.launcher.services import Services
from huiyan.launcher.upgrade import handover as handing
from huiyan.launcher.upgrade.full import FullUpgrades
from huiyan.launcher.upgrade.guard import Takeover
from huiyan.launcher.upgrade.handover import Handover, Program, Retiree
from huiyan.launcher.upgrade.place import Place
from huiyan.launcher.upgrade.retirees import Retirees
from huiyan.launcher.upgrade.status import UpgradeStatus
from huiyan.messages import refusal, say
from huiyan.settings.model import Settings
from huiyan.state import earlier
from huiyan.store.manifest import VerificationRecord
from huiyan.updates.journal import Entry, Step
from huiyan.updates.status import UpdateFault
from huiyan.updates.version_install import VersionFiles

_log = log.get_logger(__name__)

#: Both engines, and what the machine needs besides.
_SPARE_BYTES: Final = 512 * 1024 * 1024


class Upgrader:
    """Made once the data directory is locked; `settle_past`, `join`, perhaps `bring_up`; finally `stop`."""

    def __init__(
        self,
        settings: Settings,
        program: Program | None,
        takeover: Takeover | None,
        *,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._settings = settings
        self._options = settings.launcher
        self._takeover = takeover
        self._tasks = tasks
        self._retirees = None if takeover is None else Retirees(takeover)
        self._seeing_off: asyncio.Task[None] | None = None
        self._services: Services | None = None
        self._models: ModelFetches | None = None
        self._lock: DataDirLock | None = None
        self._control: ControlServer | None = None
        self._listener: socket | None = None
        self._started_unix_s = time.time()
        #: Whether a component is being replaced: one update at a time.
        self.others_busy: Callable[[], bool] = lambda: False
        self._upgrades = (
            None if program is None else FullUpgrades(settings, program, hand_over=self._hand_over)
        )

    @property
    def status(self) -> UpgradeStatus | None:
        """Of the running or the last upgrade."""
        return None if self._upgrades is None else self._upgrades.status

    def upgrade(self, files: VersionFiles) -> UpgradeStatus:
        """Begin. Raises: UpdateError."""
        upgrades = self._free()
        return upgrades.begin(lambda: upgrades.upgrade(files), self._tasks)

    def roll_back(self, *, accept_loss: bool) -> UpgradeStatus:
        """Begin. Raises: UpdateError."""
        upgrades = self._free()
        return upgrades.begin(lambda: upgrades.roll_back(accept_loss=accept_loss), self._tasks)

    @property
    def running(self) -> bool:
        return self._upgrades is not None and self._upgrades.running

    @property
    def upgrades(self) -> FullUpgrades | None:
        """None where this huiyan cannot become another version."""
        return self._upgrades

    async def become(self, entry: Entry, state: str) -> None:
        """The version of `state` takes over; does not return. Raises: HuiyanError."""
        await self._ready().become(entry, state)

    def cancel(self) -> None:
        if self._upgrades is not None:
            self._upgrades.cancel()

    async def settle_past(self, writer: Callable[[str], LineSink]) -> None:
        """Before anything is started: what a kill interrupted, or the children that were left to this one.

        Raises: UpdateError, StoreError.
        """
        place = Place(self._settings.data_dir)
        if self._takeover is None:
            await asyncio.to_thread(place.recover, self._settings)
            return
        assert self._retirees is not None
        await self._retirees.attach(writer, self._tasks)
        database = place.database(self._settings)
        if database is not None:
            lost = await asyncio.to_thread(earlier.go_back, database)
            if lost is not None:
                _log.warning(
                    "the database is that of before the upgrade; the newer one is kept: %s",
                    lost.kept,
                    extra={"keys": lost.keys, "requests": lost.requests},
                )

    def reclaimed_bytes(self) -> int:
        """Memory of the engine that ends before the new one starts."""
        takeover = self._takeover
        if takeover is None or not takeover.handover.in_turn:
            return 0
        return sum(_memory_bytes(each.pid) for each in takeover.handover.retirees if each.role == "engine")

    def join(
        self,
        services: Services,
        models: ModelFetches,
        *,
        lock: DataDirLock,
        control: ControlServer,
        listener: socket,
    ) -> None:
        """What is handed over, and what is brought up."""
        self._services, self._models = services, models
        self._lock, self._control, self._listener = lock, control, listener

    async def bring_up(
        self,
        record: VerificationRecord,
        *,
        open_control: Callable[[], Awaitable[None]],
        check_health: Callable[[], Awaitable[None]],
        started_unix_s: float,
    ) -> None:
        """Start everything beside what runs, move the work, prove it, commit it.

        Raises: HuiyanError; then the version before is to have it back.
        """
        takeover, services, retirees = self._takeover, self._services, self._retirees
        assert takeover is not None
        assert services is not None
        assert retirees is not None
        assert self._upgrades is not None
        self._started_unix_s = started_unix_s
        entry = self._begin(takeover)
        services.upgrading = __version__
        pause_s = 0.0
        if takeover.handover.in_turn:
            began_s = time.monotonic()
            services.pause_gateway()
            services.start_gateway(None)
            await open_control()
            await services.wait_ready("gateway")
            await retirees.drain_gateway(self._options.upgrade_turn_s)
            await retirees.gateway_gone(self._options.upgrade_turn_s)
            await retirees.end_engine()
            await services.verify_files(record)
            services.start_engine()
            await services.wait_ready("engine")
            services.announce_upgrade(None)
            services.resume_gateway()
            pause_s = time.monotonic() - began_s
        else:
            await open_control()
            await services.verify_files(record)
            services.start_engine()
            await services.wait_ready("engine")
            services.upgrading = None
            services.start_gateway(None)
            await services.wait_ready("gateway")
            await retirees.drain_gateway(self._options.upgrade_drain_s)
        await check_health()
        self._commit(takeover, entry, pause_s)

    async def stop(self) -> None:
        """At the launcher's end; where the version before is to have everything back, it stays as it is."""
        if self._upgrades is not None:
            await self._upgrades.stop()
        if self._takeover is not None and self._retirees is not None:
            if self._takeover.settled:
                await self._retirees.stop()
            else:
                self._retirees.let_go()
        if self._seeing_off is not None:
            self._seeing_off.cancel()

    def _begin(self, takeover: Takeover) -> Entry:
        place, handover = self._ready().place, takeover.handover
        step = Step.ROLLING_BACK if handover.back else Step.PROVING
        entry = place.journal.note(handover.entry, step, detail=handover.reason)
        self._ready().adopt(_status(entry))
        return entry

    def _commit(self, takeover: Takeover, entry: Entry, pause_s: float) -> None:
        upgrades, handover = self._ready(), takeover.handover
        error: UpdateFault | None = None
        if handover.back:
            ended = upgrades.place.journal.note(entry, Step.ROLLED_BACK, detail=handover.reason)
            words = {"version": handover.entry.version, "reason": handover.reason}
            error = UpdateFault(
                code=UpdateError.code,
                message=say("upgrade.given_back", "en", **words),
                hint=say("upgrade.given_back.hint", "en", **words),
                message_zh=say("upgrade.given_back", "zh", **words),
                hint_zh=say("upgrade.given_back.hint", "zh", **words),
            )
        else:
            ended = upgrades.place.commit(entry, before=handover.before)
        takeover.settle()
        upgrades.adopt(
            msgspec.structs.replace(
                _status(ended),
                state="done" if error is None else "failed",
                pause_s=round(pause_s, 3),
                error=error,
                started_at=handover.entry.at_unix_s,
            )
        )
        _log.info("huiyan %s has taken over: %s", __version__, ended.step)
        assert self._retirees is not None
        self._seeing_off = self._tasks.create_task(self._retirees.see_off(self._options.upgrade_drain_s))
        if handover.pull is not None and self._models is not None:
            try:
                self._models.pull(handover.pull)
            except HuiyanError as refused:
                _log.warning("the fetch of %s does not go on: %s", handover.pull, refused.message)

    async def _hand_over(self, entry: Entry, program: Program) -> None:
        """Become the other version. Does not return. Raises: OSError, UpdateError."""
        services, models = self._services, self._models
        assert services is not None
        assert models is not None
        assert self._lock is not None
        assert self._control is not None
        assert self._listener is not None
        if self._seeing_off is not None:
            # What the version before this one still writes; it has its own limit.
            await self._seeing_off
        services.announce_upgrade(program.version)
        pull = models.running
        await models.stop()
        retirees = []
        for role, child in services.children():
            lifeline_fd, output_fd = child.descriptors
            retirees.append(Retiree(role=role, pid=child.pid, lifeline_fd=lifeline_fd, output_fd=output_fd))
        engine = services.engine
        upgrades = self._ready()
        try:
            handing.become(
                program,
                Handover(
                    schema=handing.SCHEMA,
                    entry=entry,
                    before=upgrades.program,
                    back=False,
                    reason="",
                    in_turn=self._in_turn(retirees),
                    listener_fd=self._listener.fileno(),
                    lock_fd=self._lock.fileno(),
                    control_fd=self._control.fileno(),
                    control_path=str(self._control.path),
                    retirees=retirees,
                    pull=pull,
                    litter=[str(Path(engine.socket).parent)] if isinstance(engine, VllmEngine) else [],
                    timeout_s=self._options.timeout_s,
                    started_unix_s=self._started_unix_s,
                ),
            )
        finally:
            services.announce_upgrade(None)

    def _in_turn(self, retirees: list[Retiree]) -> bool:
        """Whether the old engine has to end before the new one starts."""
        if self._options.upgrade_engines != "auto":
            return self._options.upgrade_engines == "in_turn"
        assert self._services is not None
        if isinstance(self._services.engine, VllmEngine):
            return True  # it reserves the card's memory
        engine_bytes = sum(_memory_bytes(each.pid) for each in retirees if each.role == "engine")
        return psutil.virtual_memory().available < engine_bytes + _SPARE_BYTES

    def _free(self) -> FullUpgrades:
        """Raises: UpdateError."""
        if self.others_busy():
            raise refusal(UpdateError, "upgrade.busy")
        return self._ready()

    def _ready(self) -> FullUpgrades:
        """Raises: UpdateError."""
        if self._upgrades is None:
            raise refusal(UpdateError, "upgrade.not_here")
        return self._upgrades


def _status(entry: Entry) -> UpgradeStatus:
    return UpgradeStatus(
        component=entry.component,
        kind=entry.kind,
        version=entry.version,
        step=entry.step,
        detail=entry.detail,
        started_at=entry.at_unix_s,
    )


def _memory_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
