"""Prompt adapter and tools replaced in a running system; what a kill left is ended by the next start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from huiyan.launcher.updates.service import journal_of
from huiyan.testing import mcp_server
from huiyan.tools import records
from huiyan.tools.places import tools_directory
from huiyan.updates.journal import Step
from tests.support import feeds, live, projectors
from tests.support.wait import eventually
from tests.support.wire import ask

pytestmark = pytest.mark.slow

SERVER = Path(mcp_server.__file__).read_text("utf-8")
HEAD = """\
# /// script
# dependencies = []
# [tool.huiyan]
# name = "trial"
# version = "{version}"
# title = {{ zh = "试", en = "Trial" }}
# ///
"""


async def test_a_prompt_adapter_takes_over_between_two_requests(tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feeds.adapter(feed, tmp_path / "one", "1", template=feeds.TEMPLATE.replace("EXTRA", "答：\n"))
    feeds.adapter(feed, tmp_path / "two", "2", labels="zh")
    data_dir = tmp_path / "data"
    settings = live.settings_of(data_dir, update_feed=str(feed))
    async with live.running(settings) as system:

        async def adapter() -> dict[str, str]:
            answer = await ask(system.launcher.status().web_port, "GET", "/api/info")
            return dict(answer.json()["adapter"])

        assert await adapter() == {"id": "builtin", "version": "1"}
        plan = await system.launcher.update_plan("prompt-adapter", feed=None, version="1")
        assert next(change.name for change in plan.changes) == "adapter.json"
        assert plan.how == "beside"
        assert any("+答：" in change.diff for change in plan.changes), "what the template changes"
        status = await system.update("prompt-adapter", feed, "1")
        assert (status.state, status.step) == ("done", "committed"), status
        assert await adapter() == {"id": "shop", "version": "1"}
        status = await system.update("prompt-adapter", feed)
        assert (status.version, status.step) == ("2", "committed"), status
        assert await adapter() == {"id": "shop", "version": "2"}
        # For one request another one of those that are here; nobody else is served with it.
        question = live.picture_question("10_shapes.png", max_tokens=40)
        for name in ("builtin", "shop@1", "shop@2"):
            code, answer = await system.post("/v1/chat/completions", {**question, "prompt_adapter": name})
            assert code == 200, answer
        code, answer = await system.post("/v1/chat/completions", {**question, "prompt_adapter": "shop@9"})
        assert (code, answer["error"]["param"]) == (400, "prompt_adapter")
        assert "shop@1" in answer["error"]["hint"]
        back = await system.follow(await system.launcher.roll_back("prompt-adapter"))
        assert (back.state, back.version) == ("done", "1")
        assert await adapter() == {"id": "shop", "version": "1"}
    async with live.running(settings) as system:
        answer = await ask(system.launcher.status().web_port, "GET", "/api/info")
        assert answer.json()["adapter"] == {"id": "shop", "version": "1"}


async def test_an_adapter_that_the_engine_cannot_take_is_rolled_back(tmp_path: Path) -> None:
    # It passes its conversations; what the engine makes of it is another matter: no question is left.
    template = feeds.TEMPLATE.replace("EXTRA", "{{ 'x' * 60000 }}")
    feed = feeds.adapter(tmp_path / "feed", tmp_path / "one", "1", template=template)
    async with live.running(live.settings_of(tmp_path / "data")) as system:
        status = await system.update("prompt-adapter", feed)
        assert (status.state, status.step) == ("failed", "rolled_back"), status
        answer = await ask(system.launcher.status().web_port, "GET", "/api/info")
        assert answer.json()["adapter"]["id"] == "builtin"
        assert await system.ask({"messages": [{"role": "user", "content": "你好"}], "max_tokens": 5})


async def test_a_tool_comes_is_updated_and_goes_back(tmp_path: Path) -> None:
    feed, data_dir = tmp_path / "feed", tmp_path / "data"
    for offered_as, own, body in (
        ("1", "1", SERVER),
        ("2", "2", SERVER),
        ("9", "7", SERVER),
        ("5", "5", "raise SystemExit('it breaks here')\n"),
    ):
        feeds.tool(feed, feeds.script(tmp_path / offered_as, HEAD.format(version=own) + body), offered_as)
    async with live.running(live.settings_of(data_dir)) as system:

        async def offered() -> str:
            answer = (await ask(system.launcher.status().web_port, "GET", "/api/tools")).json()
            return next((each["version"] for each in answer["plugins"] if each["name"] == "trial"), "")

        async def becomes(version: str) -> None:
            async def so() -> bool:
                return (await offered()).split("-")[0] == version

            await eventually(so, timeout_s=30)

        for version in ("1", "2"):
            status = await system.update("tool-trial", feed, version)
            assert (status.state, status.step) == ("done", "committed"), status
            await becomes(version)
        for version, says in (("9", "says 7"), ("5", "it breaks here")):
            status = await system.update("tool-trial", feed, version)
            assert status.state == "failed"
            assert status.error is not None
            assert says in status.error.message
            await becomes("2")
        back = await system.follow(await system.launcher.roll_back("tool-trial"))
        assert (back.state, back.version) == ("done", "1"), back
        await becomes("1")
        found = records.look(tools_directory(data_dir) / "trial")
        assert found is not None
        assert found.record.version.startswith("1-")


async def test_what_a_kill_left_is_ended_by_the_next_start(tmp_path: Path) -> None:
    feed = feeds.vision(tmp_path / "feed", projectors.slightly_other(tmp_path / "x-mmproj.gguf"))
    data_dir = tmp_path / "data"
    settings = live.settings_of(data_dir)
    async with live.running(settings) as system:
        status = await system.update("vision-encoder", feed)
        assert status.step == "committed"
    path = data_dir / "updates" / "journal.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    # As if the launcher had been killed after the new state was selected, before that was written down.
    assert json.loads(lines[-1])["step"] == "committed"
    path.write_text("".join(lines[:-1]))
    async with live.running(settings) as system:
        assert "update.interrupted" in system.said()
        report = await system.launcher.updates(None, look=False)
        (vision,) = [each for each in report.components if each.name == "vision-encoder"]
        assert vision.version == "built-in"
        assert list(journal_of(data_dir).latest().values())[-1].step is Step.ROLLED_BACK
        # And the update goes through when it is run again, with nothing left to fetch.
        plan = await system.launcher.update_plan("vision-encoder", feed=str(feed), version=None)
        assert plan.download_bytes == 0
        assert (await system.update("vision-encoder", feed)).step == "committed"
