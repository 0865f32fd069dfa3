"""What a control socket can ask of a launcher, without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from huiyan import nano
from huiyan.engines.status import EngineState, EngineStatus
from huiyan.errors import ModelBusyError, ModelFileMissingError, NoRollbackError, UpdateRunningError
from huiyan.gateway.schema_models import ModelsReport
from huiyan.launcher.control import Upgrading
from huiyan.launcher.state import PartStatus, StatusReport
from huiyan.messages import refusal
from huiyan.store.fetching import FetchStatus
from huiyan.updates.status import ComponentInfo, UpdatePlan, UpdatesReport, UpdateStatus


class FakeLauncher:
    def __init__(self) -> None:
        self.stops = 0
        self.cancels = 0
        self.switched: list[Path] = []
        self.pulled: list[str | None] = []
        self.asked: list[tuple[object, ...]] = []
        self.last_update: UpdateStatus | None = None
        self.listeners: list[Callable[[dict[str, Any]], None]] = []

    def status(self) -> StatusReport:
        return StatusReport(
            pid=1,
            url="http://127.0.0.1:8000",
            address="127.0.0.1",
            web_port=8000,
            version="1",
            started_unix_s=1.0,
            ready=True,
            data_dir="/d",
            log_path="/d/l",
            model=nano.card(),
            engine=EngineStatus(state=EngineState.READY, engine="llama_cpp", model="nano"),
            engine_pid=2,
            engine_port=3001,
            gateway=PartStatus(state="ready", pid=3, restarts=0),
        )

    def request_stop(self) -> None:
        self.stops += 1

    def own_key(self) -> str:
        return "own-key"

    async def models(self) -> ModelsReport:
        return ModelsReport(models=[], wanted="a/b", wanted_bytes=None, fetch=None)

    def pull(self, model_id: str | None) -> FetchStatus:
        if model_id == "busy":
            raise ModelBusyError("Another model is being fetched.", hint="Wait.")
        self.pulled.append(model_id)
        return FetchStatus(id=model_id or "a/b", state="running")

    def cancel_pull(self) -> None:
        self.cancels += 1

    async def updates(self, feed: str | None, *, look: bool) -> UpdatesReport:
        self.asked.append(("updates", feed, look))
        vision = ComponentInfo(name="vision-encoder", kind="vision-encoder", version="1", available="2")
        return UpdatesReport(components=[vision], last=self.update_status())

    async def update_plan(self, component: str, *, feed: str | None, version: str | None) -> UpdatePlan:
        self.asked.append(("plan", component, feed, version))
        return UpdatePlan(
            component=component,
            kind=component,
            installed="1",
            version=version or "2",
            download_bytes=10,
            kept_bytes=20,
            pause_s=0.0,
            how="beside",
        )

    def update_status(self) -> UpdateStatus | None:
        return self.last_update

    async def update(self, component: str, *, feed: str | None, version: str | None) -> UpdateStatus:
        self.asked.append(("update", component, feed, version))
        if component == "vision-encoder-busy":
            raise refusal(UpdateRunningError, "update.running", name="vision-encoder")
        self.last_update = _status(component, version or "2")
        return self.last_update

    @property
    def upgrader(self) -> Upgrading:
        raise NotImplementedError

    def cancel_update(self) -> None:
        self.asked.append(("cancel",))

    async def roll_back(self, component: str) -> UpdateStatus:
        self.asked.append(("rollback", component))
        if component == "prompt-adapter":
            raise refusal(NoRollbackError, "update.no_rollback", name=component)
        return _status(component, "1")

    async def switch_model(self, model_path: Path) -> None:
        self.switched.append(model_path)
        if model_path.name == "missing":
            raise ModelFileMissingError("It is not there.", hint="Fetch it.")

    def subscribe(self, on_event: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        self.listeners.append(on_event)
        return lambda: self.listeners.remove(on_event)


def _status(component: str, version: str) -> UpdateStatus:
    return UpdateStatus(
        component=component, kind=component, version=version, step="planned", state="running", started_at=1.0
    )
