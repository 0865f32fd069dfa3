"""The vision encoder of the embedded engine is replaced while 32 clients ask: none fails, none is mixed."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from huiyan import nano
from huiyan.updates.release import Wish, make_projector
from tests.support import live, projectors
from tests.support.wait import eventually

pytestmark = pytest.mark.slow

CLIENTS = 32
SLOTS = 6
_log = logging.getLogger(__name__)


def _feed(directory: Path, projector: Path, version: str = "2026.11.1") -> Path:
    wish = Wish(name="vision-encoder", version=version, model=nano.STORE_ID)
    make_projector(wish, nano.MMPROJ_PATH, projector, directory)
    return directory


async def test_nobody_notices(tmp_path: Path) -> None:
    feed = _feed(tmp_path / "feed", projectors.slightly_other(tmp_path / "new" / "nano-mmproj.gguf"))
    settings = live.settings_of(tmp_path / "data", engine={"slots": SLOTS})
    question = live.picture_question(projectors.TOLD_OTHERWISE)
    # Longer than the answer itself, so that many are being written at any moment.
    long = {**question, "max_tokens": 96, "ignore_eos": True}
    async with live.running(settings) as system:
        old = await system.ask(question)
        answers: list[tuple[str, bool]] = []  # text, whether it began after the switch
        writing: dict[int, list[str]] = {}
        decoding_at_switch = -1

        def switched() -> bool:
            return "switch.done" in system.said()

        async def keep_asking(number: int) -> None:
            last = False
            while not last:
                last = switched()
                seen = writing[number] = []
                answers.append((await system.stream(long, seen), last))
                writing[number] = []

        async def watch() -> None:
            nonlocal decoding_at_switch
            while not switched():
                decoding_at_switch = sum(bool(seen) for seen in writing.values())
                await asyncio.sleep(0.005)

        async def four_are_written() -> bool:
            return sum(bool(seen) for seen in writing.values()) >= 4

        async with asyncio.TaskGroup() as tasks:
            for number in range(CLIENTS):
                tasks.create_task(keep_asking(number))
            tasks.create_task(watch())
            await eventually(four_are_written, timeout_s=120)
            status = await system.update("vision-encoder", feed)
        assert (status.state, status.step, status.pause_s) == ("done", "committed", 0.0), status
        new = await system.ask(question)
    _log.info("%d of %d clients were reading an answer at the switch", decoding_at_switch, CLIENTS)
    assert decoding_at_switch >= 4
    assert old != new
    assert len(answers) >= 2 * CLIENTS
    for text, after in answers:
        assert text.startswith((old, new)), text
        if after:
            assert text.startswith(new), "what began after the switch is the new engine's"
    assert {text.startswith(new) for text, _ in answers} == {True, False}, "both engines answered"


async def test_an_encoder_that_sees_nothing_is_rolled_back_and_nobody_gets_an_answer_of_it(
    tmp_path: Path,
) -> None:
    settings = live.settings_of(tmp_path / "data")
    question = live.picture_question(projectors.TOLD_OTHERWISE)
    async with live.running(settings) as system:
        old = await system.ask(question)
        for version, make in (("1", projectors.noisy), ("2", projectors.swapped_colours)):
            feed = _feed(tmp_path / version, make(tmp_path / f"new{version}" / "x-mmproj.gguf"), version)
            answers = []
            status = await system.launcher.update("vision-encoder", feed=str(feed), version=None)
            while status.state == "running":
                answers.append(await system.ask(question))
                found = system.launcher.update_status()
                assert found is not None
                status = found
            assert (status.state, status.step) == ("failed", "rolled_back")
            assert status.error is not None
            assert "does not see what the one before saw" in status.error.message
            assert set(answers) == {old}
        report = await system.launcher.updates(None, look=False)
        (vision,) = [each for each in report.components if each.name == "vision-encoder"]
        assert (vision.version, vision.can_roll_back_to) == ("built-in", None)
