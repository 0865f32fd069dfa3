"""A vision tower replaced inside the running vLLM, with its stand-in: swapped, refused, lost, blind."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from huiyan.engines.environments import Environments, Interpreter
from huiyan.store.lock import LockedFile, ModelLock
from huiyan.store.snapshots import Store
from huiyan.store.tensors import tensor_digests
from huiyan.testing import vllm_server
from huiyan.updates.release import Wish, make_vision
from tests.support import live, safetensors
from tests.support.vllm import CONFIG, StandIn

pytestmark = pytest.mark.slow

MODEL = "Qwen/Qwen3-VL-Tiny"


def _model(directory: Path, tower: bytes) -> Path:
    tensors = {
        "model.language_model.embed_tokens.weight": b"1" * 640,
        "model.visual.patch_embed.proj.weight": tower.ljust(64, b"."),
        "lm_head.weight": b"2" * 64,
    }
    files = {
        **safetensors.companions(),
        "config.json": json.dumps(CONFIG).encode(),
        "model.safetensors": safetensors.encode(tensors),
    }
    return safetensors.write(directory, files)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """With a stand-in for vLLM, and the model in the store."""
    with tempfile.TemporaryDirectory(prefix="huiyan-test-") as short:
        data = Path(short) / "data"
        data.mkdir()
        vllm = tmp_path / "vllm"
        vllm.mkdir()
        python = StandIn(vllm).python
        Environments(data).use(Interpreter(path=str(python), vllm="0.25.1", registered=True))
        store = Store(data / "models")
        files = []
        for path in sorted(_model(tmp_path / "old", b"old").iterdir()):
            sha256 = store.blobs.adopt(path, link=False)
            tensors = tensor_digests(path) if path.suffix == ".safetensors" else {}
            files.append(
                LockedFile(path=path.name, size_bytes=path.stat().st_size, sha256=sha256, tensors=tensors)
            )
        store.install(ModelLock(source="local", id=MODEL, files=tuple(files)))
        yield data


def _release(tmp_path: Path, feed: Path, version: str, tower: bytes) -> None:
    new = _model(tmp_path / f"new-{version}", tower)
    make_vision(Wish(name="vision-encoder", version=version, model=MODEL), tmp_path / "old", new, feed)


async def test_swapped_refused_lost_and_blind(data_dir: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    _release(tmp_path, feed, "1", vllm_server.REFUSED)
    _release(tmp_path, feed, "2", vllm_server.LOST)
    _release(tmp_path, feed, "3", vllm_server.NOISE)
    _release(tmp_path, feed, "4", b"new")
    settings = live.settings_of(data_dir, engine={"engine": "vllm", "model": MODEL})
    store = Store(settings.models.directory(data_dir))
    before = store.current(MODEL)
    assert before is not None
    async with live.running(settings) as system:
        question = live.picture_question("10_shapes.png", max_tokens=20)
        engine_pid = system.launcher.status().engine_pid
        answer = await system.ask(question)
        for version, says in (("1", "refused"), ("2", "lost"), ("3", "")):
            status = await system.update("vision-encoder", feed, version)
            assert (status.state, status.step) == ("failed", "rolled_back"), status
            assert status.error is not None
            assert says in status.error.message
            assert await system.ask(question) == answer, "the tower of before answers"
            now = system.launcher.status().engine_pid
            assert (now == engine_pid) == (version != "2"), "started anew only where it was lost"
            engine_pid = now
            current = store.current(MODEL)
            assert current is not None
            assert current.digest == before.digest
        plan = await system.launcher.update_plan("vision-encoder", feed=str(feed), version=None)
        assert (plan.how, plan.version) == ("swap", "4")
        status = await system.update("vision-encoder", feed)
        assert (status.state, status.step) == ("done", "committed"), status
        assert status.pause_s is not None
        assert status.pause_s > 0
        assert system.launcher.status().engine_pid == engine_pid, "the same process, other weights"
        current = store.current(MODEL)
        assert current is not None
        assert current.digest != before.digest
        back = await system.follow(await system.launcher.roll_back("vision-encoder"))
        assert (back.state, back.step) == ("done", "committed"), back
        again = store.current(MODEL)
        assert again is not None
        assert again.digest == before.digest
