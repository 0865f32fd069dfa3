"""One update at a time, from a feed to a commit or back, and what everybody is told of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from huiyan import log
from huiyan.errors import (
    ComponentUnknownError,
    HuiyanError,
    NoFeedError,
    NoRollbackError,
    UpdateError,
    UpdateRunningError,
    UpToDateError,
)
from huiyan.launcher.updates import vision
from huiyan.launcher.updates.choose import choose, label, previous
from huiyan.launcher.updates.component import Plan, Replaceable
from huiyan.launcher.updates.registry import Registry
from huiyan.messages import of_error, refusal
from huiyan.updates import transaction
from huiyan.updates.feed import Component, Feed
from huiyan.updates.journal import Entry, Journal, Step
from huiyan.updates.place import Place
from huiyan.updates.status import (
    ComponentInfo,
    HistoryEntry,
    PlannedChange,
    UpdateFault,
    UpdatePlan,
    UpdatesReport,
    UpdateState,
    UpdateStatus,
    fault_of,
)
from huiyan.updates.transaction import Staging

_log = log.get_logger(__name__)

_TELL_EVERY_S: Final = 0.25
#: A feed that was read so lately is not asked for again by a look.
_FEED_FRESH_S: Final = 60.0
_HISTORY: Final = 50


def journal_of(data_dir: Path) -> Journal:
    return Journal(data_dir / "updates" / "journal.jsonl")


class UpdateService:
    """Made in a running loop. open_place: where a path or URL leads. told: each status."""

    def __init__(
        self,
        registry: Registry,
        *,
        feed: str | None,
        open_place: Callable[[str], Place],
        told: Callable[[UpdateStatus], None] = lambda _: None,
    ) -> None:
        self._registry = registry
        self._feed = feed
        self._open_place = open_place
        self._told = told
        self._journal = journal_of(registry.data_dir)
        self._task: asyncio.Task[None] | None = None
        self._seen: tuple[str, float, Feed] | None = None
        self._last_told_s = 0.0
        self.status: UpdateStatus | None = None

    # What can be asked.

    async def report(self, feed: str | None = None, *, look: bool = True) -> UpdatesReport:
        """feed: to look at in place of the configured one; one that cannot be read is a note, no error.

        look: False asks no feed at all.
        """
        read, fault = await self._try_feed(feed) if look else (None, None)
        return await asyncio.to_thread(self._report, feed or self._feed, read, fault)

    async def plan(self, name: str, *, feed: str | None, version: str | None) -> tuple[Component, Plan, str]:
        """(release, what it means, version now). Raises: UpdateError and its kinds, HuiyanError."""
        component = self._find(name)
        place = self._place(feed)
        release, installed = await asyncio.to_thread(self._chosen, component, place, version)
        return release, await asyncio.to_thread(component.plan, release, place), installed

    async def planned(self, name: str, *, feed: str | None, version: str | None) -> UpdatePlan:
        """`plan` as others are told it. Raises: as `plan`."""
        release, plan, installed = await self.plan(name, feed=feed, version=version)
        return UpdatePlan(
            component=release.name,
            kind=release.kind,
            installed=installed,
            version=release.version,
            title=release.title,
            notes=release.notes,
            download_bytes=plan.download_bytes,
            kept_bytes=plan.kept_bytes,
            pause_s=plan.pause_s,
            how=plan.how,
            changes=[PlannedChange(name=name, diff=diff) for name, diff in plan.changes],
        )

    async def start(self, name: str, *, feed: str | None = None, version: str | None = None) -> UpdateStatus:
        """Begin; what can be refused before anything is fetched is refused here.

        Raises: UpdateRunningError, ComponentUnknownError, NoFeedError, UpdateNotOfferedError,
        DowngradeRefusedError, ReleaseFeedError, ComponentMismatchError, HuiyanError.
        """
        self._check_free()
        component = self._find(name)
        place = self._place(feed)
        release, _ = await asyncio.to_thread(self._chosen, component, place, version)
        plan = await asyncio.to_thread(component.plan, release, place)
        self._check_free()
        staging = component.staging(release, place, self._on_bytes)
        return self._begin(component, staging, release.version, total_bytes=plan.download_bytes)

    async def roll_back(self, name: str) -> UpdateStatus:
        """Begin the way back. Raises: UpdateRunningError, ComponentUnknownError, NoRollbackError."""
        self._check_free()
        component = self._find(name)
        state = await asyncio.to_thread(previous, component, self._journal)
        if state is None:
            raise refusal(NoRollbackError, "update.no_rollback", name=name)

        to: str = state

        class Known:
            async def stage(self) -> str:
                return to

        return self._begin(component, Known(), label(component, to, self._journal))

    @property
    def busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def cancel(self) -> None:
        """Nothing happens when nothing runs."""
        if self._task is not None:
            self._task.cancel()

    async def wait(self) -> UpdateStatus | None:
        """Until nothing runs any more; the last status."""
        if self._task is not None:
            await asyncio.wait([self._task])
        return self.status

    async def stop(self) -> None:
        self.cancel()
        await self.wait()

    # How it is done.

    def _begin(
        self, component: Replaceable, staging: Staging, version: str, *, total_bytes: int = 0
    ) -> UpdateStatus:
        self.status = UpdateStatus(
            component=component.name,
            kind=component.kind,
            version=version,
            step=Step.PLANNED,
            state="running",
            total_bytes=total_bytes,
            started_at=time.time(),
        )
        self._told(self.status)
        self._task = asyncio.get_running_loop().create_task(self._run(component, staging, version))
        return self.status

    async def _run(self, component: Replaceable, staging: Staging, version: str) -> None:
        def on_step(entry: Entry) -> None:
            _log.info("%s %s: %s", entry.component, entry.version, entry.step)
            self._tell(step=str(entry.step), pause_s=component.pause_s)

        state: UpdateState = "failed"
        fault: UpdateFault | None = None
        try:
            entry = await transaction.replace(
                self._journal,
                component.target,
                staging,
                version=version,
                on_step=on_step,
                examined=self._registry.runs or component.kind != vision.NAME,
            )
            state = "done"
            if entry.step is Step.COMMITTED:
                await asyncio.to_thread(component.keep, (entry.before, entry.after))
        except asyncio.CancelledError:
            state = "cancelled"
        except HuiyanError as error:
            fault = fault_of(error)
            _log.warning("%s %s: %s", component.name, version, error.message, extra={"code": error.code})
        except Exception:  # noqa: BLE001 - a task boundary: nobody else would hear of it
            _log.exception("%s %s failed", component.name, version)
            fault = fault_of(refusal(UpdateError, "component.unforeseen"))
        self._tell(state=state, error=fault, pause_s=component.pause_s)

    def _on_bytes(self, done_bytes: int, total_bytes: int) -> None:
        """From any thread."""
        now_s = time.monotonic()
        if now_s - self._last_told_s < _TELL_EVERY_S and done_bytes < total_bytes:
            return
        self._last_told_s = now_s
        loop = self._task.get_loop() if self._task is not None else None
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._bytes, done_bytes, total_bytes)

    def _bytes(self, done_bytes: int, total_bytes: int) -> None:
        if self.status is not None and self.status.state == "running":
            self._tell(done_bytes=done_bytes, total_bytes=total_bytes)

    def _tell(self, **changes: object) -> None:
        assert self.status is not None
        self.status = msgspec.structs.replace(self.status, **changes)
        self._told(self.status)

    def _check_free(self) -> None:
        if self._task is not None and not self._task.done():
            assert self.status is not None
            raise refusal(UpdateRunningError, "update.running", name=self.status.component)

    def _find(self, name: str) -> Replaceable:
        found = self._registry.find(name)
        if found is not None:
            return found
        for fixed in self._registry.fixed():
            if fixed.name == name:
                raise refusal(ComponentUnknownError, "update.fixed", name=name, note=fixed.note)
        known = ", ".join(self._registry.replaceable())
        raise refusal(ComponentUnknownError, "update.unknown", name=name[:80], known=known)

    def _place(self, feed: str | None) -> Place:
        where = feed or self._feed
        if where is None:
            raise refusal(NoFeedError, "update.no_feed")
        return self._open_place(where)

    def _chosen(self, component: Replaceable, place: Place, version: str | None) -> tuple[Component, str]:
        installed = label(component, component.target.active(), self._journal)
        return choose(place.feed(), component, installed=installed, version=version), installed

    async def _try_feed(self, feed: str | None) -> tuple[Feed | None, HuiyanError | None]:
        where = feed or self._feed
        if where is None:
            return None, None
        now_s = time.monotonic()
        if self._seen is not None and self._seen[0] == where and now_s - self._seen[1] < _FEED_FRESH_S:
            return self._seen[2], None
        try:
            read = await asyncio.to_thread(lambda: self._open_place(where).feed())
        except HuiyanError as error:
            return None, error
        if feed is None:
            self._seen = (where, now_s, read)
        return read, None

    def _report(self, where: str | None, feed: Feed | None, fault: HuiyanError | None) -> UpdatesReport:
        running = self.status if self.status is not None and self.status.state == "running" else None
        components = [
            ComponentInfo(
                name=each.name,
                kind=each.kind,
                version=each.version,
                note=each.note.render("en"),
                note_zh=each.note.render("zh"),
            )
            for each in self._registry.fixed()
        ]
        replaceable = self._registry.replaceable().values()
        components += [self._info(component, where, feed, fault) for component in replaceable]
        # huiyan itself first, whichever of the two it is here.
        components.sort(key=lambda each: each.kind != "huiyan")
        history = sorted(self._journal.latest().values(), key=lambda entry: entry.at_unix_s, reverse=True)
        return UpdatesReport(
            components=components,
            running=running,
            last=self.status if running is None else None,
            history=[
                HistoryEntry(
                    component=entry.component,
                    kind=entry.kind,
                    version=entry.version,
                    step=str(entry.step),
                    at=entry.at_unix_s,
                    detail=entry.detail,
                    detail_zh=entry.detail_zh,
                )
                for entry in history[:_HISTORY]
            ],
            feed=self._feed,
        )

    def _info(
        self, component: Replaceable, where: str | None, feed: Feed | None, fault: HuiyanError | None
    ) -> ComponentInfo:
        state = component.target.active()
        back = previous(component, self._journal)
        info = ComponentInfo(
            name=component.name,
            kind=component.kind,
            version=label(component, state, self._journal),
            state=state,
            can_roll_back_to=None if back is None else label(component, back, self._journal),
        )
        if feed is None or where is None:
            return info if fault is None else _noted(info, fault)
        try:
            release = choose(feed, component, installed=info.version, version=None)
            plan = component.plan(release, self._open_place(where))
        except UpToDateError:
            return info
        except HuiyanError as error:
            return _noted(info, error)
        return msgspec.structs.replace(
            info,
            available=release.version,
            title=release.title or None,
            size_bytes=plan.download_bytes,
            pause_s=plan.pause_s,
        )


def _noted(info: ComponentInfo, error: HuiyanError) -> ComponentInfo:
    return msgspec.structs.replace(info, note=of_error(error, "en")[0], note_zh=of_error(error, "zh")[0])


def recover(registry: Registry) -> list[Entry]:
    """Before an engine is started: end what a kill interrupted. A trouble is logged, and ends no start."""
    try:
        unfinished = journal_of(registry.data_dir).unfinished()
        if not unfinished:
            return []
        targets = {name: component.target for name, component in registry.replaceable().items()}
        for entry in unfinished:
            if entry.component not in targets and (found := registry.find(entry.component)) is not None:
                targets[entry.component] = found.target
        return transaction.recover(journal_of(registry.data_dir), targets)
    except HuiyanError as error:
        _log.error("an interrupted update could not be ended: %s", error.message, extra={"code": error.code})
        return []
