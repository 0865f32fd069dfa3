"""An encoder that was committed while nothing ran: examined by the next start, once; a bad one goes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from huiyan.cli.updater import updater
from huiyan.engines.status import EngineEndpoint
from huiyan.errors import StartFailedError
from huiyan.launcher import health, parts
from huiyan.launcher.updates import examination
from huiyan.launcher.updates.service import journal_of
from huiyan.messages import refusal
from huiyan.settings.model import Settings
from huiyan.updates.journal import Entry, Step
from tests.support import feeds, live, projectors

pytestmark = pytest.mark.slow


async def _commit(settings: Settings, feed: Path) -> None:
    """As `huiyan update` does it while nothing runs."""

    def update() -> str:
        with updater(settings) as found:
            assert not found.running
            return found.update("vision-encoder", str(feed), None, lambda _: None).step

    assert await asyncio.to_thread(update) == "committed"


def _last(settings: Settings) -> Entry:
    return list(journal_of(settings.data_dir).latest().values())[-1]


async def _active(system: live.Live) -> str:
    report = await system.launcher.updates(None, look=False)
    (vision,) = [each for each in report.components if each.name == "vision-encoder"]
    return vision.version


async def test_a_good_encoder_is_examined_once(tmp_path: Path) -> None:
    feed = feeds.vision(tmp_path / "feed", projectors.slightly_other(tmp_path / "x-mmproj.gguf"))
    settings = live.settings_of(tmp_path / "data")
    await _commit(settings, feed)
    assert _last(settings).unproven
    async with live.running(settings) as system:
        assert "update.examined" in system.said()
        version = await _active(system)
        assert version != "built-in"
        assert await system.ask(live.picture_question(projectors.TOLD_OTHERWISE))
    assert (_last(settings).step, _last(settings).unproven) == (Step.COMMITTED, False)
    async with live.running(settings) as system:
        assert "update.examining" not in system.said()
        assert await _active(system) == version


@pytest.mark.parametrize("make", [projectors.swapped_colours, projectors.noisy])
async def test_a_bad_encoder_goes_back_by_itself(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    feed = feeds.vision(tmp_path / "feed", make(tmp_path / "x-mmproj.gguf"))
    settings = live.settings_of(tmp_path / "data")
    question = live.picture_question(projectors.TOLD_OTHERWISE)
    async with live.running(settings) as system:
        good = await system.ask(question)
    await _commit(settings, feed)
    async with live.running(settings) as system:
        assert "update.went_back" in system.said()
        assert await _active(system) == "built-in"
        assert await system.ask(question) == good
    assert _last(settings).step is Step.ROLLED_BACK
    assert "退回" not in _last(settings).detail
    assert _last(settings).detail_zh != _last(settings).detail
    async with live.running(settings) as system:
        assert "update.examining" not in system.said()
        assert await system.ask(question) == good


async def test_one_whose_engine_does_not_come_up_goes_back_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = live.settings_of(tmp_path / "data")
    await _commit(
        settings, feeds.vision(tmp_path / "feed", projectors.slightly_other(tmp_path / "x-mmproj.gguf"))
    )
    refused: list[EngineEndpoint] = []
    ask_canary = health.ask_canary

    def blind_at_first(endpoint: EngineEndpoint, model: str, *, timeout_s: float, any_answer: bool) -> str:
        """To the picture of the first engine, in each of its lives."""
        if not refused or endpoint == refused[0]:
            refused.append(endpoint)
            raise refusal(StartFailedError, "canary.implausible", answer="一片白")
        return ask_canary(endpoint, model, timeout_s=timeout_s, any_answer=any_answer)

    monkeypatch.setattr(parts, "ask_canary", blind_at_first)
    async with live.running(settings) as system:
        assert refused
        assert "update.went_back" in system.said()
        assert await _active(system) == "built-in"
        assert await system.ask(live.picture_question(projectors.TOLD_OTHERWISE))
    assert _last(settings).step is Step.ROLLED_BACK


async def test_two_bad_ones_in_a_row_go_back_to_the_one_that_was_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = live.settings_of(tmp_path / "data")
    for version, make in (("1", projectors.noisy), ("2", projectors.swapped_colours)):
        work = tmp_path / version
        feed = feeds.vision(work / "feed", make(work / "x-mmproj.gguf"), version)
        await _commit(settings, feed)
    entry = journal_of(settings.data_dir).unproven("vision-encoder")
    assert entry is not None
    first = next(iter(journal_of(settings.data_dir).entries()))
    assert (entry.version, entry.before) == ("2", first.before)
    asked = []
    examine = examination.examine

    async def counted(*given: object, **named: object) -> frozenset[str]:
        asked.append(named)
        return await examine(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(examination, "examine", counted)
    async with live.running(settings) as system:
        assert await _active(system) == "built-in"
    examined = len(asked)
    async with live.running(settings) as system:
        assert await _active(system) == "built-in"
        assert "update.examining" not in system.said()
    assert len(asked) == examined, "an ordinary start asks nothing more"
