"""`/api/admin/updates`: for administrators, through the launcher, and told to their pages alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from huiyan.launcher.control import ControlServer, socket_path
from huiyan.state.database import Database
from huiyan.state.issue import issue_key
from huiyan.testing import FakeEngine
from huiyan.updates.status import UpdateStatus
from tests.support.fake_launcher import FakeLauncher
from tests.support.gateway import RunningGateway, assert_refusal, running_gateway
from tests.support.wire import ask

UPDATES = "/api/admin/updates"
ROLLBACK = "/api/admin/updates/rollback"

pytestmark = pytest.mark.asyncio(loop_scope="module")


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


async def test_what_there_is(started: RunningGateway, launcher: tuple[FakeLauncher, Path]) -> None:
    response = await started.get(f"{UPDATES}?feed=http://192.0.2.1/")
    assert response.status == 200
    (vision,) = response.json()["components"]
    assert (vision["version"], vision["available"]) == ("1", "2")
    assert launcher[0].asked == [("updates", None, True)], "no feed of the page's choosing"


async def test_an_update_a_way_back_and_an_end(
    started: RunningGateway, launcher: tuple[FakeLauncher, Path]
) -> None:
    response = await started.post(UPDATES, {"component": "vision-encoder", "version": "3"})
    assert (response.status, response.json()["version"]) == (202, "3")
    response = await started.post(ROLLBACK, {"component": "vision-encoder"})
    assert (response.status, response.json()["version"]) == (202, "1")
    assert (await ask(started.port, "DELETE", UPDATES)).status == 204
    assert launcher[0].asked == [
        ("update", "vision-encoder", None, "3"),
        ("rollback", "vision-encoder"),
        ("cancel",),
    ]


async def test_refusals_keep_their_code(started: RunningGateway) -> None:
    refused = await started.post(UPDATES, {"component": "vision-encoder-busy"})
    assert "huiyan update --cancel" in assert_refusal(refused, 409, "update_running")["hint"]
    assert_refusal(await started.post(ROLLBACK, {"component": "prompt-adapter"}), 409, "no_rollback")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"component": "../x"},
        {"component": "x" * 65},
        {"component": "a\n"},
        {"component": "vision-encoder", "feed": "http://192.0.2.1/"},
        {"component": "vision-encoder", "version": ""},
        [],
    ],
)
async def test_body_of_another_shape(started: RunningGateway, body: Any) -> None:
    assert_refusal(await started.post(UPDATES, body), 400, "invalid_json")


async def test_gateway_alone(gateway: RunningGateway) -> None:
    assert_refusal(await gateway.get(UPDATES), 409, "no_launcher")


async def test_only_administrators_ask_and_hear_of_it(
    launcher: tuple[FakeLauncher, Path], engine: FakeEngine, tmp_path: Path
) -> None:
    database = Database(tmp_path / "state")
    chat = issue_key(database, name="chat", scopes=["chat"])[1]
    admin = issue_key(database, name="admin", scopes=["chat", "admin"])[1]
    database.close()
    status = UpdateStatus(
        component="vision-encoder",
        kind="vision-encoder",
        version="2",
        step="staging",
        state="running",
        done_bytes=5,
        total_bytes=10,
        started_at=1.0,
    )
    async with running_gateway(engine.endpoint, launcher=launcher[1], data_dir=tmp_path) as running:
        await running.app.gateway.access.loaded()
        headers = {
            name: {"authorization": f"Bearer {secret}", "x-forwarded-for": "192.0.2.1"}
            for name, secret in (("chat", chat), ("admin", admin))
        }
        assert_refusal(await running.get(UPDATES, headers["chat"]), 403, "forbidden")
        assert_refusal(await running.post(UPDATES, {}, headers["chat"]), 403, "forbidden")
        assert (await running.get(UPDATES, headers["admin"])).status == 200
        async with running.wire() as theirs, running.wire() as others:
            for wire, name in ((theirs, "admin"), (others, "chat")):
                await wire.send(wire.request_bytes("GET", "/api/events", headers[name]))
                await wire.body_until(b"\n\n")
            running.app.gateway.update_update(status)
            running.app.gateway.update_engine(running.app.gateway.engine)
            assert b"event: update" in await theirs.body_until(b"event: engine")
            assert b"event: update" not in await others.body_until(b"event: engine")
        async with running.wire() as late:
            await late.send(late.request_bytes("GET", "/api/events", headers["admin"]))
            assert b'"total_bytes":10' in await late.body_until(b"started_at")
