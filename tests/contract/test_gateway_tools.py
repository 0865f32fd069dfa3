"""`/api/tools` with a real tool host behind it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from huiyan.state.database import Database
from huiyan.state.issue import issue_key
from huiyan.tools import install
from huiyan.tools.host import ToolHost
from tests.support.gateway import RunningGateway, assert_refusal, running_gateway
from tests.support.tools import install_scripted, running_host
from tests.support.wait import eventually
from tests.support.wire import ask

SSE = {"Accept": "text/event-stream"}


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 10), "red").save(out, "PNG")
    return out.getvalue()


async def offered(gateway: RunningGateway) -> dict[str, Any]:
    answer = await gateway.get("/api/tools")
    assert answer.status == 200
    found: dict[str, Any] = answer.json()
    return found


async def until_offered(gateway: RunningGateway, names: list[str]) -> None:
    async def so() -> bool:
        return [plugin["name"] for plugin in (await offered(gateway))["plugins"]] == names

    await eventually(so, 20.0)


@contextlib.asynccontextmanager
async def with_tools(
    data_dir: Path, *only: str, **options: Any
) -> AsyncIterator[tuple[RunningGateway, ToolHost]]:
    await install_scripted(data_dir, "scripted", *only)
    async with running_host(data_dir) as host, running_gateway(None, data_dir=data_dir, **options) as gateway:
        await until_offered(gateway, ["scripted"])
        yield gateway, host


def events(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


async def test_the_list_has_schemas_titles_and_icons(tmp_path: Path) -> None:
    async with with_tools(tmp_path, "echo", "look", "die") as (gateway, _):
        found = await offered(gateway)
    assert found["available"] is True
    (plugin,) = found["plugins"]
    echo, look, die = plugin["tools"]
    assert plugin["icon"]["name"] == "tool"
    assert echo["input_schema"]["properties"]["text"]["minLength"] == 1
    assert (echo["safe"], echo["destructive"]) == (True, False)
    assert (die["safe"], die["destructive"]) == (False, True)
    assert look["files"] == {"picture": {"media_type": "image/*", "given_as": "path", "many": False}}


async def test_a_call_brings_its_result(tmp_path: Path) -> None:
    async with with_tools(tmp_path, "echo", "fail") as (gateway, _):
        answer = await gateway.post("/api/tools/scripted/echo", {"text": "你好"})
        failed = await gateway.post("/api/tools/scripted/fail", {})
    assert answer.status == 200
    assert json.loads(answer.json()["content"][0]["text"]) == {"text": "你好"}
    assert failed.status == 200
    assert failed.json()["is_error"] is True


@pytest.mark.parametrize("way", ["hash", "data url", "form", "attachment"])
async def test_a_picture_gets_there(tmp_path: Path, way: str) -> None:
    data = picture()
    sha256 = hashlib.sha256(data).hexdigest()
    address = "/api/tools/scripted/look"
    async with with_tools(tmp_path, "look") as (gateway, _):
        if way == "hash":
            await ask(gateway.port, "PUT", f"/api/images/{sha256}", {"Content-Type": "image/png"}, body=data)
            answer = await gateway.post(address, {"picture": f"sha256:{sha256}"})
        elif way == "data url":
            url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
            answer = await gateway.post(address, {"picture": url})
        else:
            name = "picture" if way == "form" else "other"
            arguments = {} if way == "form" else {"picture": "attachment://other"}
            body = (
                (
                    '--B\r\nContent-Disposition: form-data; name="arguments"\r\n\r\n'
                    f"{json.dumps(arguments)}\r\n"
                    f'--B\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n'
                    "Content-Type: image/png\r\n\r\n"
                ).encode()
                + data
                + b"\r\n--B--\r\n"
            )
            answer = await gateway.post(
                address, headers={"Content-Type": "multipart/form-data; boundary=B"}, body=body
            )
    assert answer.status == 200, answer.text
    table, image, note, more = answer.json()["content"]
    assert "89504e47" in table["text"]
    assert image["media_type"] == "image/png"
    assert base64.b64decode(note["data"]) == b"made by the tool"
    assert more == {"type": "link", "uri": "https://example.org/more", "name": "more"}
    assert answer.json()["structured"]["boxes"][0]["label"] == "corner"


async def test_what_does_not_fit_is_refused_with_a_hint(tmp_path: Path) -> None:
    async with with_tools(tmp_path, "echo", "look") as (gateway, _):
        for address, body, status, code in (
            ("/api/tools/scripted/none", {}, 404, "tool_not_found"),
            ("/api/tools/other/echo", {}, 404, "tool_not_found"),
            ("/api/tools/scripted/echo", {}, 400, "invalid_tool_arguments"),
            ("/api/tools/scripted/echo", {"text": 1}, 400, "invalid_tool_arguments"),
            ("/api/tools/scripted/echo", [1], 400, "invalid_tool_arguments"),
            ("/api/tools/scripted/look", {"picture": "/etc/passwd"}, 400, "invalid_tool_arguments"),
            ("/api/tools/scripted/look", {"picture": "file:///etc/passwd"}, 400, "invalid_tool_arguments"),
            ("/api/tools/scripted/look", {"picture": "http://127.0.0.1/"}, 400, "invalid_tool_arguments"),
            ("/api/tools/scripted/look", {"picture": "sha256:" + "0" * 64}, 409, "image_missing"),
        ):
            assert_refusal(await gateway.post(address, body), status, code)
        broken = await gateway.post("/api/tools/scripted/echo", body=b"{")
        assert_refusal(broken, 400, "invalid_json")


async def test_a_death_is_a_502_and_nobody_elses(tmp_path: Path) -> None:
    async with with_tools(tmp_path, "die", "echo") as (gateway, _):
        assert_refusal(await gateway.post("/api/tools/scripted/die", {}), 502, "tool_died")
        assert (await gateway.get("/health/live")).status == 200
        assert (await gateway.post("/api/tools/scripted/echo", {"text": "x"})).status == 200


async def test_progress_comes_as_events(tmp_path: Path) -> None:
    async with with_tools(tmp_path, "slow", "die") as (gateway, _):
        answer = await gateway.post("/api/tools/scripted/slow", {"steps": 3, "step_s": 0.01}, SSE)
        died = await gateway.post("/api/tools/scripted/die", {}, SSE)
    names = [name for name, _ in events(answer.text)]
    assert names[-1] == "result"
    assert set(names[:-1]) <= {"progress"}
    assert events(answer.text)[-1][1]["content"] == [{"type": "text", "text": "done"}]
    ((name, body),) = events(died.text)
    assert (name, body["error"]["code"]) == ("error", "tool_died")


@pytest.mark.parametrize("headers", [{}, SSE], ids=["json", "events"])
async def test_a_client_that_leaves_cancels_the_call(tmp_path: Path, headers: dict[str, str]) -> None:
    async with with_tools(tmp_path, "slow") as (gateway, host):
        plugin = host.plugin("scripted")
        task = asyncio.get_running_loop().create_task(
            gateway.post("/api/tools/scripted/slow", {"steps": 10_000, "step_s": 0.01}, headers)
        )
        begun = plugin.installed.work

        async def running() -> bool:
            return plugin.busy

        await eventually(running, 30.0)
        task.cancel()
        await asyncio.wait([task])

        async def told() -> bool:
            return (begun / "cancelled.txt").exists()

        await eventually(told, 30.0)


async def test_events_say_when_tools_come_and_go(tmp_path: Path) -> None:
    async with (
        running_host(tmp_path),
        running_gateway(None, data_dir=tmp_path) as gateway,
        gateway.wire() as page,
    ):
        await until_available(gateway)
        await page.send(page.request_bytes("GET", "/api/events"))
        head = await page.head()
        await page.body_until(b"event: hello")
        for change, names in (
            (lambda: install_scripted(tmp_path, "late", "echo"), ["late"]),
            (lambda: asyncio.to_thread(install.remove, tmp_path, "late"), []),
        ):
            heard = head.body.count(b"event: tools")
            await change()
            while head.body.count(b"event: tools") <= heard:
                await page.body_of(len(head.body) + 1)
            await until_offered(gateway, names)


async def until_available(gateway: RunningGateway) -> None:
    async def so() -> bool:
        return bool((await offered(gateway))["available"])

    await eventually(so, 20.0)


async def test_without_a_host_it_says_so_and_a_new_host_serves_again(tmp_path: Path) -> None:
    await install_scripted(tmp_path, "scripted", "echo")
    async with running_gateway(None, data_dir=tmp_path) as gateway:
        assert (await offered(gateway))["available"] is False
        refused = await gateway.post("/api/tools/scripted/echo", {"text": "x"})
        assert_refusal(refused, 503, "tools_unavailable")
        assert refused.header("retry-after")
        for _ in range(2):
            async with running_host(tmp_path):
                await until_available(gateway)
                assert (await gateway.post("/api/tools/scripted/echo", {"text": "x"})).status == 200


@pytest.mark.parametrize("headers", [{}, SSE], ids=["json", "events"])
async def test_a_keys_limits_hold_for_tools(tmp_path: Path, headers: dict[str, str]) -> None:
    database = Database(tmp_path / "state")
    _, secret = issue_key(database, name="x", scopes=["tools"], streams=1)
    database.close()
    own = {"Authorization": f"Bearer {secret}", **headers}
    async with with_tools(tmp_path, "slow", "echo") as (gateway, host):
        await gateway.app.gateway.access.loaded()
        slow = asyncio.get_running_loop().create_task(
            gateway.post("/api/tools/scripted/slow", {"steps": 10_000, "step_s": 0.01}, own)
        )

        async def running() -> bool:
            return host.plugin("scripted").busy

        await eventually(running, 30.0)
        refused = await gateway.post("/api/tools/scripted/echo", {"text": "x"}, own)
        assert_refusal(refused, 429, "rate_limit_exceeded")
        slow.cancel()
        await asyncio.wait([slow])

        async def served() -> bool:
            return (await gateway.post("/api/tools/scripted/echo", {"text": "x"}, own)).status == 200

        await eventually(served, 30.0)
        assert await served(), "each gives its place back"


async def test_tools_need_their_own_scope(tmp_path: Path) -> None:
    database = Database(tmp_path / "state")
    secrets = {scope: issue_key(database, name=scope, scopes=[scope])[1] for scope in ("chat", "tools")}
    database.close()
    async with with_tools(tmp_path, "echo") as (gateway, _):
        await gateway.app.gateway.access.loaded()
        for scope, status in (("chat", 403), ("tools", 200)):
            headers = {"Authorization": f"Bearer {secrets[scope]}"}
            assert (await gateway.get("/api/tools", headers)).status == status
            answer = await gateway.post("/api/tools/scripted/echo", {"text": "x"}, headers)
            assert answer.status == status
