"""The examination of a vision encoder that was committed while nothing ran, once, at the next start.

A live update is held against the engine that served before. Here there is none yet: the encoder before is
asked only when the new one fails, as the engine to go back to. Requests wait in the gateway meanwhile.
"""

from __future__ import annotations

from huiyan import log
from huiyan.engines.status import EngineEndpoint
from huiyan.engines.vllm import VllmEngine
from huiyan.errors import ComponentMismatchError, HuiyanError, StartFailedError
from huiyan.launcher.events import Reporter
from huiyan.launcher.services import Services
from huiyan.launcher.updates import examination, vision
from huiyan.launcher.updates.component import Replaceable
from huiyan.launcher.updates.live import LiveSystem
from huiyan.launcher.updates.registry import Registry
from huiyan.launcher.updates.service import journal_of
from huiyan.messages import Text, cause_of, refusal
from huiyan.settings.model import Settings
from huiyan.store.compose import Snapshot
from huiyan.store.snapshots import Store
from huiyan.updates.journal import Entry, Journal, Step

_log = log.get_logger(__name__)


def find(
    settings: Settings, live: LiveSystem, services: Services, reporter: Reporter
) -> LateExamination | None:
    """What the engine that is about to start has to pass; None for nearly every start. Blocks.

    A trouble with the journal is logged, and ends no start.
    """
    try:
        journal = journal_of(settings.data_dir)
        entry = journal.unproven(vision.NAME)
        if entry is None:
            return None
        component = Registry(settings, live).find(vision.NAME)
        if component is None or component.target.active() != entry.after:
            return None
        store = Store(settings.models.directory(settings.data_dir))
        before = store.snapshot(entry.before) if entry.before and component.has(entry.before) else None
    except HuiyanError as error:
        _log.error("whether an update is examined is not known: %s", error.message)
        return None
    timeout_s = settings.engine.canary_timeout_s
    return LateExamination(journal, entry, component, before, live, services, reporter, timeout_s=timeout_s)


class LateExamination:
    """before: the last state that was examined; None: there is none to go back to."""

    def __init__(
        self,
        journal: Journal,
        entry: Entry,
        component: Replaceable,
        before: Snapshot | None,
        live: LiveSystem,
        services: Services,
        reporter: Reporter,
        *,
        timeout_s: float,
    ) -> None:
        self._journal = journal
        self._entry = entry
        self._component = component
        self._before = before
        self._live = live
        self._services = services
        self._reporter = reporter
        self._timeout_s = timeout_s

    async def run(self) -> None:
        """Until an engine is ready that has passed. Raises: HuiyanError when none becomes ready."""
        try:
            await self._examined()
        finally:
            self._services.resume_gateway()

    async def _examined(self) -> None:
        self._reporter.note(self._text("update.examining"))
        try:
            await self._services.wait_ready("engine")
        except StartFailedError as error:
            if self._before is None or self._services.stopping:
                raise
            await self._live.go_back(self._before, prove=None)
            self._went_back(error)
            return
        worse = await self._worse()
        if worse is not None:
            self._went_back(worse)
            return
        self._journal.note(self._entry, Step.COMMITTED)
        self._reporter.note(self._text("update.examined"))

    async def _worse(self) -> HuiyanError | None:
        """Why the encoder before serves again; None: this one stays."""
        engine, before = self._services.engine, self._before
        if before is None or (isinstance(engine, VllmEngine) and engine.random_weights):
            return None
        missed = await examination.missed_by(engine.endpoint, engine.card.id, timeout_s=self._timeout_s)
        if examination.tolerable(missed):
            return None
        lost: list[ComponentMismatchError] = []
        stay = refusal(StartFailedError, "update.sees_as_much")

        async def sees_more(endpoint: EngineEndpoint) -> None:
            known = await examination.examine(
                endpoint, engine.card.id, timeout_s=self._timeout_s, questions=missed
            )
            try:
                examination.check_lost(known)
            except ComponentMismatchError as error:
                lost.append(error)
                return
            raise stay

        try:
            await self._live.go_back(before, prove=sees_more)
        except StartFailedError as error:
            if error is not stay:
                raise
            return None
        return lost[0]

    def _went_back(self, cause: HuiyanError) -> None:
        """The engine before serves already; from here on the next start takes it, too."""
        _log.warning("%s %s: rolled back: %s", self._entry.component, self._entry.version, cause.message)
        entry = self._journal.note(self._entry, Step.ROLLING_BACK, detail=cause_of(cause))
        self._component.target.select(entry.before)
        self._journal.note(entry, Step.ROLLED_BACK, detail=cause_of(cause))
        self._reporter.note(self._text("update.went_back", cause=cause_of(cause)))

    def _text(self, key: str, **more: Text | str) -> Text:
        return Text(key, {"name": self._entry.component, "version": self._entry.version, **more})
