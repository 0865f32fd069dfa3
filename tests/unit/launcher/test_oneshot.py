"""An engine for one question: there, and gone again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from huiyan import nano
from huiyan.errors import MachineCheckError, ModelFileMissingError, PayloadTooLargeError, StartFailedError
from huiyan.launcher.health import ask_canary
from huiyan.launcher.oneshot import single_engine
from huiyan.launcher.state import DataDir
from huiyan.settings.model import Settings
from tests.support.descendants import Descendants


@pytest.fixture
def descendants() -> Descendants:
    return Descendants()


async def test_it_answers_and_is_gone(
    make_settings: Callable[..., Settings],
    child_environment: dict[str, str],
    data_dir: DataDir,
    descendants: Descendants,
) -> None:
    async with single_engine(make_settings(), child_environment) as engine:
        assert len(descendants.found()) == 1
        answer = await asyncio.to_thread(ask_canary, engine.endpoint, engine.card.id, timeout_s=30)
        assert "红" in answer
    assert descendants.found() == []
    assert list(data_dir.root.iterdir()) == [], "a question leaves nothing in the data directory"


async def test_it_is_gone_when_the_asker_fails(
    make_settings: Callable[..., Settings],
    child_environment: dict[str, str],
    descendants: Descendants,
) -> None:
    async def ask() -> None:
        async with single_engine(make_settings(), child_environment):
            raise PayloadTooLargeError("asker")

    with pytest.raises(PayloadTooLargeError, match="asker"):
        await ask()
    assert descendants.found() == []


async def test_a_model_that_does_not_load_is_explained(
    make_settings: Callable[..., Settings],
    child_environment: dict[str, str],
    tmp_path: Path,
    descendants: Descendants,
) -> None:
    (tmp_path / "m.gguf").write_bytes(nano.MODEL_PATH.read_bytes())
    (tmp_path / "mmproj-m.gguf").write_bytes(nano.MODEL_PATH.read_bytes())

    async def ask() -> None:
        async with single_engine(make_settings(engine={"model_path": tmp_path}), child_environment):
            pass

    with pytest.raises(StartFailedError, match="could not load"):
        await ask()
    assert descendants.found() == []


@pytest.mark.parametrize(
    ("engine", "kind"),
    [({"model_path": "/nowhere.gguf"}, ModelFileMissingError), ({"slots": 64, "context_tokens": 4096}, None)],
)
async def test_refusals_come_before_any_process(
    make_settings: Callable[..., Settings],
    child_environment: dict[str, str],
    engine: dict[str, object],
    kind: type[Exception] | None,
    monkeypatch: pytest.MonkeyPatch,
    descendants: Descendants,
) -> None:
    if kind is None:
        monkeypatch.setattr("huiyan.hardware.plan.llama_cpp._OVERHEAD_BYTES", 10**18)
        kind = MachineCheckError

    async def ask() -> None:
        async with single_engine(make_settings(engine=engine), child_environment):
            pass

    with pytest.raises(kind):
        await ask()
    assert descendants.found() == []
