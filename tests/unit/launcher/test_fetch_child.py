"""What the process that fetches a model does beside fetching: it brings the engine that runs it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from huiyan.engines.environments import Environments
from huiyan.errors import EngineNotInstalledError
from huiyan.hardware import probe
from huiyan.launcher import fetch_child
from huiyan.settings.environment import proxies
from huiyan.settings.load import load
from huiyan.store.fetching import FetchStatus
from huiyan.store.snapshots import Store
from huiyan.testing.hub import FakeHub
from tests.support import safetensors
from tests.support.fake_nvml import FakeNvml
from tests.support.machines import machine, rtx_4090
from tests.unit.engines.test_environments import fake_uv

ID = "Qwen/Tiny-VL"


class Told:
    def __init__(self) -> None:
        self.statuses: list[FetchStatus] = []

    def send(self, message: dict[str, Any]) -> None:
        self.statuses.append(FetchStatus(**message["status"]))


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as running:
        shards = safetensors.shards({"a": bytes(50)}, count=1)
        running.add(ID, {**safetensors.companions(), **shards})
        yield running


def boot(tmp_path: Path, hub: FakeHub) -> fetch_child._Boot:
    options = {"modelscope_endpoint": hub.url, "huggingface_endpoint": hub.url}
    settings = load({"data_dir": tmp_path / "data", "models": options})
    return fetch_child._Boot(
        options=settings.models.model_dump(mode="json"),
        proxies=proxies(),
        store_dir=str(settings.models.directory(settings.data_dir)),
        data_dir=str(settings.data_dir),
        id=ID,
        vllm=True,
    )


def run(told: Told, given: fetch_child._Boot) -> None:
    teller = fetch_child._Teller(told)  # type: ignore[arg-type]  # the part of a lifeline that it uses
    fetch_child._fetch(given, teller, threading.Event())


def card(monkeypatch: pytest.MonkeyPatch, driver: str) -> None:
    found = machine(FakeNvml(rtx_4090(), driver=driver)).gpus
    monkeypatch.setattr(probe, "gpus_by_nvml", lambda: (found, ""))


def test_the_engine_comes_along(tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    card(monkeypatch, "580.82.07")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))  # uv is looked for beside it first
    monkeypatch.setenv("PATH", fake_uv(tmp_path)["PATH"])
    told, given = Told(), boot(tmp_path, hub)
    run(told, given)
    phases = [status.phase for status in told.statuses if status.state == "running"]
    assert phases[-1] == "installing"
    assert (told.statuses[-1].state, told.statuses[-1].id) == ("done", ID)
    assert Environments(tmp_path / "data").used().vllm == "0.25.1"
    # Once it is here, it is left alone.
    again = Told()
    monkeypatch.setenv("PATH", "/nowhere")
    run(again, given)
    assert again.statuses[-1].state == "done"


def test_nothing_is_fetched_that_no_engine_could_run(
    tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    card(monkeypatch, "470.1")
    told, given = Told(), boot(tmp_path, hub)
    with pytest.raises(EngineNotInstalledError, match=r"470\.1"):
        run(told, given)
    assert told.statuses == []
    assert not Path(given.store_dir).exists() or Store(Path(given.store_dir)).models() == []
