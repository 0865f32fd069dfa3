"""`huiyan models …` as processes, against a hub that does what the test says."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from huiyan.store.lock import read_lock
from huiyan.store.snapshots import Store
from huiyan.testing.hub import FakeHub
from tests.support import safetensors
from tests.support.wait import wait_until
from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.slow

ID = "Qwen/Tiny-VL"
LIMIT_S = 60.0


def model(seed: int = 8, *, language: int = 8) -> dict[str, bytes]:
    """A small model with the 8B's proportions. seed: of its vision."""
    vision, rest = (safetensors.model_8b(scale=4000, seed=each) for each in (seed, language))
    tensors = {name: (vision if ".visual." in name else rest)[name] for name in rest}
    return {**safetensors.companions(), **safetensors.shards(tensors)}


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as running:
        yield running


@pytest.fixture
def models(huiyan: Run, hub: FakeHub) -> Run:
    """`huiyan models …` with this hub for both."""
    variables = {
        "HUIYAN_MODELS__MODELSCOPE_ENDPOINT": hub.url,
        "HUIYAN_MODELS__HUGGINGFACE_ENDPOINT": hub.url,
    }

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return huiyan("models", *arguments, **{**variables, **more})

    return run


def _last(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _tree(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}


def test_pull_in_any_case_and_from_either_hub_gives_the_same_bytes(
    models: Run, hub: FakeHub, tmp_path: Path
) -> None:
    files = model()
    hub.add(ID, {**files, "pytorch_model.bin": b"x" * 5000})
    done = {
        source: _last(
            models("pull", "qwen/TINY-vl", "--hub", source, "--store-dir", str(tmp_path / source), "--json")
        )
        for source in ("modelscope", "huggingface")
    }
    assert {each["id"] for each in done.values()} == {ID}
    assert len({each["digest"] for each in done.values()}) == 1
    for each in done.values():
        assert _tree(Path(each["path"])) == _digests(files)


def test_nothing_is_fetched_twice_and_a_vision_update_moves_a_fifteenth(
    models: Run, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed = hub.add(ID, model())
    size_bytes = _last(models("pull", ID, "--json"))["moved_bytes"]
    assert _last(models("pull", ID, "--json"))["moved_bytes"] == 0
    pushed.push(model(seed=9))
    done = _last(models("pull", ID, "--only", "model.visual.*", "--json"))
    # At this scale a header and the gaps that are fetched along weigh more than in gigabytes.
    assert done["moved_bytes"] < 0.2 * size_bytes
    assert _tree(Path(done["path"])) == _digests(model(seed=9))
    assert models("verify", "--deep").returncode == 0


def test_claim_that_does_not_hold_costs_bytes_and_no_correctness(models: Run, hub: FakeHub) -> None:
    pushed = hub.add(ID, model())
    _last(models("pull", ID, "--json"))
    changed = model(seed=9, language=10)
    pushed.push(changed)
    done = _last(models("pull", ID, "--only", "model.visual.*", "--json"))
    assert _tree(Path(done["path"])) == _digests(changed)


def test_server_without_ranges_is_named(models: Run, hub: FakeHub) -> None:
    pushed = hub.add(ID, model())
    _last(models("pull", ID, "--json"))
    hub.ranges = False
    pushed.push(model(seed=9))
    done = models("pull", ID, "--only", "model.visual.*")
    assert done.returncode == 0, done.stderr
    assert "ignores Range" in done.stderr


def test_lock_reproduces_elsewhere(models: Run, hub: FakeHub, tmp_path: Path) -> None:
    hub.add(ID, model())
    first = _last(models("pull", ID, "--json"))
    lock = tmp_path / "models.lock"
    assert models("lock", "--output", str(lock)).returncode == 0
    assert read_lock(lock).models[0].digest() == first["digest"]
    elsewhere = str(tmp_path / "elsewhere")
    pulled = _last(models("pull", "--locked", str(lock), "--store-dir", elsewhere, "--json"))
    assert pulled["digest"] == first["digest"]
    assert _tree(Path(pulled["path"])) == _tree(Path(first["path"]))
    feed = tmp_path / "feed.toml"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    feed.write_text(f'[channels.stable]\nlock = "models.lock"\nsha256 = "{digest}"\n')
    again = _last(models("pull", "--channel", "stable", "--feed", str(feed), "--offline", "--json"))
    assert (again["digest"], again["moved_bytes"]) == (first["digest"], 0)


def test_update_rollback_switch_and_collection(models: Run, hub: FakeHub) -> None:
    pushed = hub.add(ID, model())
    old = _last(models("pull", ID, "--json"))["digest"]
    pushed.push(model(seed=9))
    new = _last(models("pull", ID, "--json"))["digest"]
    assert _last(models("rollback", "qwen/tiny-vl", "--json"))["digest"] == old
    assert _last(models("switch", ID, new[:12], "--json"))["digest"] == new
    refused = models("switch", ID, "0" * 12)
    assert refused.returncode == 3
    assert old[:12] in refused.stderr
    assert _last(models("gc", "--dry-run", "--json"))["freed_bytes"] == 0
    removed = _last(models("rm", ID, "--json"))["removed"]
    assert removed[ID] > 0
    assert json.loads(models("list", "--json").stdout)["models"] == []


def test_damage_is_found_and_mended(models: Run, hub: FakeHub, tmp_path: Path) -> None:
    hub.add(ID, model())
    first = _last(models("pull", ID, "--json"))
    store = Store(tmp_path / "data" / "models")
    snapshot = store.current(ID)
    assert snapshot is not None
    path = store.blobs.path(snapshot.lock.files[-1].sha256)
    path.chmod(0o644)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    refused = models("verify", "--deep")
    assert refused.returncode == 3
    assert f"huiyan models pull {ID}" in refused.stderr
    assert _last(models("pull", ID, "--json"))["digest"] == first["digest"]
    assert models("verify", "--deep").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["pull"], 2),
        (["pull", "no/such"], 3),
        (["pull", ID, "--hub", "gopher://x"], 2),
        (["pull", "--channel", "stable"], 3),
        (["pull", "--locked", "none.lock"], 3),
        (["pull", ID, "--offline"], 3),
        (["rollback", "no/such"], 3),
        (["rm", "no/such"], 3),
        (["verify", "no/such"], 3),
    ],
)
def test_refusals_say_what_to_do(models: Run, arguments: list[str], code: int) -> None:
    done = models(*arguments, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    error = json.loads(done.stdout.splitlines()[-1])["error"]
    assert error["message"]
    assert error["hint"]


def test_catalogue_in_both_languages(models: Run) -> None:
    for lang, word in (("zh", "显存"), ("en", "memory")):
        shown = models("list", "--catalogue", "--lang", lang, COLUMNS="200").stdout
        assert word in shown
        assert "Qwen/Qwen3-VL-8B-Instruct-FP8" in shown


def test_interrupted_pull_is_safe_to_run_again(
    hub: FakeHub, environment: dict[str, str], tmp_path: Path, models: Run
) -> None:
    hub.add(ID, model())
    stalled = hub.fail("stall", path="model-00003")
    command = [sys.executable, "-m", "huiyan", "models", "pull", ID, "--data-dir", str(tmp_path / "data")]
    variables = {
        **environment,
        "HUIYAN_MODELS__MODELSCOPE_ENDPOINT": hub.url,
        "HUIYAN_MODELS__HUB": "modelscope",
    }
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        wait_until(lambda: stalled.hits > 0, "a stalled answer", LIMIT_S)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=LIMIT_S)
    assert running.returncode == 4, said
    assert "safe to run it again" in said
    hub.faults.release.set()
    assert _last(models("pull", ID, "--json"))["size_bytes"] > 0
    assert list((tmp_path / "data" / "models" / "partial").iterdir()) == []


@pytest.mark.parametrize("target", ["models.tar", "models"])
def test_export_is_imported_without_a_network(models: Run, hub: FakeHub, tmp_path: Path, target: str) -> None:
    hub.add(ID, model())
    first = _last(models("pull", ID, "--json"))
    exported = tmp_path / "stick" / target
    assert _last(models("export", str(exported), "--json"))["models"] == [ID]
    elsewhere = str(tmp_path / "elsewhere")
    (imported,) = _last(models("import", str(exported), "--store-dir", elsewhere, "--json"))["models"]
    assert (imported["id"], imported["digest"]) == (ID, first["digest"])
    assert _tree(Path(imported["path"])) == _tree(Path(first["path"]))


def test_directory_is_imported_under_the_name_that_is_given(models: Run, tmp_path: Path) -> None:
    directory = safetensors.write(tmp_path / "mine", model())
    refused = models("import", str(directory))
    assert refused.returncode == 2
    assert "--id" in refused.stderr
    (imported,) = _last(models("import", str(directory), "--id", "me/mine", "--json"))["models"]
    assert imported["id"] == "me/mine"
    assert _tree(Path(imported["path"])) == _digests(model())


def test_store_is_a_mirror_for_another_machine(
    models: Run, hub: FakeHub, environment: dict[str, str], tmp_path: Path
) -> None:
    hub.add(ID, model())
    first = _last(models("pull", ID, "--json"))
    command = [sys.executable, "-m", "huiyan", "models", "serve", "--port", "0", "--json"]
    with subprocess.Popen(
        [*command, "--data-dir", str(tmp_path / "data")], env=environment, stdout=subprocess.PIPE, text=True
    ) as mirror:
        assert mirror.stdout is not None
        told = json.loads(mirror.stdout.readline())
        try:
            elsewhere = str(tmp_path / "elsewhere")
            pulled = _last(models("pull", ID, "--hub", told["url"], "--store-dir", elsewhere, "--json"))
        finally:
            mirror.send_signal(signal.SIGINT)
            mirror.wait(LIMIT_S)
    assert told["models"] == [ID]
    assert pulled["digest"] == first["digest"]
    assert _tree(Path(pulled["path"])) == _tree(Path(first["path"]))


def test_key_of_a_mirror_comes_from_a_file(models: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short")
    refused = models("serve", "--port", "0", "--key-file", str(tmp_path / "key"))
    assert refused.returncode == 2
    assert "openssl rand" in refused.stderr
