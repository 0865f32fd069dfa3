"""`/api/admin/models`: for administrators, through the launcher, and told to every page as it goes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from huiyan.launcher.control import ControlServer, socket_path
from huiyan.state.database import Database
from huiyan.state.issue import issue_key
from huiyan.store.fetching import FetchStatus
from huiyan.testing import FakeEngine
from tests.support.fake_launcher import FakeLauncher
from tests.support.gateway import RunningGateway, assert_refusal, running_gateway
from tests.support.wire import ask

MODELS = "/api/admin/models"
PULL = "/api/admin/models/pull"


@pytest_asyncio.fixture(loop_scope="module")
async def launcher(tmp_path: Path) -> AsyncIterator[tuple[FakeLauncher, Path]]:
    fake = FakeLauncher()
    server = ControlServer(socket_path(tmp_path / "run"), fake)
    await server.start()
    yield fake, server.path
    server.close()


@pytest_asyncio.fixture(loop_scope="module")
async def started(launcher: tuple[FakeLauncher, Path], engine: FakeEngine) -> AsyncIterator[RunningGateway]:
    async with running_gateway(engine.endpoint, launcher=launcher[1]) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_local_user_sees_what_is_wanted(started: RunningGateway) -> None:
    response = await started.get(MODELS)
    assert response.status == 200
    assert response.json() == {"models": [], "wanted": "a/b", "wanted_bytes": None, "fetch": None}


async def test_pull_without_a_name_takes_what_is_wanted(
    started: RunningGateway, launcher: tuple[FakeLauncher, Path]
) -> None:
    response = await started.post(PULL, {})
    assert response.status == 202
    assert response.json()["state"] == "running"
    assert (await started.post(PULL, {"id": "c/d"})).json()["id"] == "c/d"
    assert launcher[0].pulled == [None, "c/d"]


async def test_second_model_while_one_is_fetched(started: RunningGateway) -> None:
    assert_refusal(await started.post(PULL, {"id": "busy"}), 409, "model_busy")


@pytest.mark.parametrize("body", [{"id": 1}, {"id": ""}, {"id": "x" * 201}, {"path": "/etc/passwd"}, []])
async def test_body_of_another_shape(started: RunningGateway, body: Any) -> None:
    assert_refusal(await started.post(PULL, body), 400, "invalid_json")


async def test_cancel(started: RunningGateway, launcher: tuple[FakeLauncher, Path]) -> None:
    response = await ask(started.port, "DELETE", PULL)
    assert response.status == 204
    assert launcher[0].cancels == 1


async def test_gateway_alone_says_how_to_fetch(gateway: RunningGateway) -> None:
    error = assert_refusal(await gateway.post(PULL, {}), 409, "no_launcher")
    assert "huiyan models pull" in error["hint"]


async def test_launcher_that_is_gone(tmp_path: Path, engine: FakeEngine) -> None:
    async with running_gateway(engine.endpoint, launcher=tmp_path / "none.sock") as running:
        assert_refusal(await running.get(MODELS), 409, "no_launcher")


@pytest.mark.parametrize("scopes", [["chat"], ["tools", "chat"]])
async def test_other_keys_are_refused(
    launcher: tuple[FakeLauncher, Path], engine: FakeEngine, tmp_path: Path, scopes: list[str]
) -> None:
    database = Database(tmp_path / "state")
    secret = issue_key(database, name="chat", scopes=scopes)[1]
    database.close()
    async with running_gateway(engine.endpoint, launcher=launcher[1], data_dir=tmp_path) as running:
        await running.app.gateway.access.loaded()
        headers = {"authorization": f"Bearer {secret}", "x-forwarded-for": "192.0.2.1"}
        assert_refusal(await running.get(MODELS, headers), 403, "forbidden")
        assert_refusal(await running.post(PULL, {}, headers), 403, "forbidden")
        forwarded = {"x-forwarded-for": "192.0.2.1"}
        assert_refusal(await running.post(PULL, {}, forwarded), 401, "invalid_api_key")
    assert launcher[0].pulled == []


async def test_pages_hear_of_it_and_a_new_page_starts_with_it(started: RunningGateway) -> None:
    status = FetchStatus(id="a/b", state="running", phase="fetching", done_bytes=5, total_bytes=10)
    async with started.wire() as wire:
        await wire.send(wire.request_bytes("GET", "/api/events"))
        assert _events(await wire.body_until(b"\n\n"))["hello"]["fetch"] is None
        started.app.gateway.update_fetch(status)
        await wire.body_until(b"event: fetch")
        assert _events(await wire.body_until(b'"total_bytes":10'))["fetch"]["done_bytes"] == 5
    async with started.wire() as wire:
        await wire.send(wire.request_bytes("GET", "/api/events"))
        assert _events(await wire.body_until(b"\n\n"))["hello"]["fetch"]["total_bytes"] == 10


def _events(body: bytes) -> dict[str, Any]:
    """The newest data of each event; a block that has not ended yet may be cut off within it."""
    found = {}
    for block in body.decode().split("\n\n"):
        name, _, data = block.partition("\n")
        found[name.removeprefix("event: ")] = data.removeprefix("data: ")
    return {name: json.loads(data) for name, data in found.items() if data.endswith("}")}
