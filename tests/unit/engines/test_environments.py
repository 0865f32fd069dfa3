"""huiyan.engines.environments, install and safetensors_dir."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from huiyan.engines import install, safetensors_dir
from huiyan.engines.environments import Environments, Interpreter, examine
from huiyan.errors import DigestMismatchError, EngineNotInstalledError, ModelFileMissingError, StoreError
from tests.support.vllm import CONFIG, write_shard

SAID = {"python": "3.12.3", "vllm": "0.25.1", "torch": "2.11.0", "transformers": "5.17.0"}


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def fake_uv(directory: Path, *, fails: str = "") -> dict[str, str]:
    """An environment whose uv makes a directory with an interpreter that claims to have vLLM."""
    python = script(directory / "python-of-uv", f"echo '{json.dumps(SAID)}'")
    make = f'for last; do :; done; mkdir -p "$last/bin"; cp "{python}" "$last/bin/python"; exit 0'
    end = f"echo '{fails}'; exit 1" if fails else "echo 'Resolved 3 packages'; echo noise; echo 'Installed 3'"
    script(directory / "bin" / "uv", f'if [ "$1" = venv ]; then {make}; fi\n{end}')
    return {"PATH": f"{directory / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"}


@pytest.fixture(autouse=True)
def uv_from_the_path_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))


def test_installing_is_atomic_and_repeatable(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "data")
    told: list[str] = []
    chosen = install.recipe("vllm")
    done = install.install(environments, chosen, fake_uv(tmp_path), told.append)
    assert done.path == str(tmp_path / "data" / "engines" / "vllm-0.25.1" / "bin" / "python")
    assert told == ["Resolved 3 packages", "Installed 3"]
    assert [each.name for each in environments.root.iterdir()] == ["vllm-0.25.1"]
    assert environments.installed() == [done]
    assert install.install(environments, chosen, {"PATH": ""}, told.append) == done
    assert environments.used() == done
    install.remove(environments, done)
    assert environments.installed() == []
    with pytest.raises(EngineNotInstalledError):
        environments.used()


def test_a_failed_installation_leaves_nothing(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "data")
    broken = fake_uv(tmp_path, fails="error: hash mismatch for torch")
    with pytest.raises(EngineNotInstalledError, match="hash mismatch"):
        install.install(environments, install.recipe("vllm"), broken, lambda _: None)
    assert list(environments.root.iterdir()) == []


def test_an_installation_that_is_cancelled_ends_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "data")
    environment = fake_uv(tmp_path)
    uv = tmp_path / "bin" / "uv"
    uv.write_text(uv.read_text().replace("echo 'Resolved 3 packages'", "echo 'Resolved 3'; exec sleep 600"))
    cancel = threading.Event()
    with pytest.raises(EngineNotInstalledError):
        # Once uv is at work, somebody presses stop.
        install.install(
            environments, install.recipe("vllm"), environment, lambda _: cancel.set(), cancel=cancel
        )
    assert list(environments.root.iterdir()) == []


def test_without_uv_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineNotInstalledError, match="uv"):
        install.install(Environments(tmp_path), install.recipe("vllm"), {"PATH": ""}, lambda _: None)


def test_the_lock_pins_every_file_and_names_no_index() -> None:
    for recipe in install.RECIPES:
        text = recipe.lock.read_text("ascii")
        assert f"\nvllm=={recipe.version} " in text
        assert f"\ntorch=={recipe.torch} " in text
        assert "://" not in text
        assert "index-url" not in text
        pins = [line for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
        assert len(pins) > 100
        assert text.count("--hash=sha256:") >= len(pins)


@pytest.mark.parametrize(
    ("driver", "works"), [("580.159.04", True), ("580.65.06", True), ("570.86.10", False)]
)
def test_a_driver_too_old_is_refused_with_the_remedy(driver: str, works: bool) -> None:
    recipe = install.recipe("vllm==0.25.1")
    if works:
        install.check_driver(recipe, driver)
        return
    with pytest.raises(EngineNotInstalledError) as raised:
        install.check_driver(recipe, driver)
    assert recipe.min_driver in raised.value.hint
    with pytest.raises(EngineNotInstalledError):
        install.check_driver(recipe, None)


@pytest.mark.parametrize("name", ["vllm==9.9", "tgi"])
def test_an_unknown_engine_is_refused(name: str) -> None:
    with pytest.raises(EngineNotInstalledError, match=name):
        install.recipe(name)


def test_a_registered_interpreter_is_examined_used_and_forgotten(tmp_path: Path) -> None:
    python = script(tmp_path / "env" / "bin" / "python", f"echo noise; echo '{json.dumps(SAID)}'")
    found = examine(tmp_path / "env", {"PATH": "/usr/bin:/bin"})
    assert found == Interpreter(path=str(python), registered=True, **SAID)
    environments = Environments(tmp_path / "data")
    environments.use(found)
    assert environments.used() == found
    registry = environments.root / "registry.json"
    assert stat.S_IMODE(registry.stat().st_mode) == 0o600
    environments.forget(found)
    with pytest.raises(EngineNotInstalledError):
        environments.used()


@pytest.mark.parametrize(
    "text", ["exit 1", "echo no json", "echo '{}'", "echo '[1]'", 'echo \'{"vllm": "", "torch": ""}\'']
)
def test_what_is_no_interpreter_with_vllm_is_refused(tmp_path: Path, text: str) -> None:
    python = script(tmp_path / "python-x", text)
    with pytest.raises(EngineNotInstalledError):
        examine(python, {"PATH": "/usr/bin:/bin"})


def test_a_broken_registry_is_told_and_a_vanished_interpreter_is_none(tmp_path: Path) -> None:
    environments = Environments(tmp_path)
    environments.use(Interpreter(path=str(tmp_path / "gone"), vllm="0.25.1", registered=True))
    with pytest.raises(EngineNotInstalledError):
        environments.used()
    (environments.root / "registry.json").write_text("{")
    with pytest.raises(StoreError):
        environments.used()


def model(directory: Path) -> Path:
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(CONFIG))
    return directory


def test_a_model_directory_is_read_without_loading_it(tmp_path: Path) -> None:
    directory = model(tmp_path / "m")
    write_shard(directory / "a.safetensors", 100)
    write_shard(directory / "b.safetensors", 50)
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors", "z": "a.safetensors"}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    found = safetensors_dir.read(directory)
    assert [shard.name for shard in found.shards] == ["a.safetensors", "b.safetensors"]
    assert found.size_bytes == sum(shard.stat().st_size for shard in found.shards)
    assert found.kv_bytes_per_token == 2 * 4 * 4 * 64 * 2
    assert found.trained_context_tokens == 32_768


def test_damage_is_found_by_the_headers(tmp_path: Path) -> None:
    directory = model(tmp_path / "m")
    shard = directory / "model.safetensors"
    with pytest.raises(ModelFileMissingError):
        safetensors_dir.read(directory)
    write_shard(shard)
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1])
    with pytest.raises(DigestMismatchError):
        safetensors_dir.read(directory)
    for garbage in (
        b"",
        b"\xff" * 8,
        b"\xff" * 64,
        (1 << 40).to_bytes(8, "little"),
        b"\x02" + bytes(7) + b"[]",
    ):
        shard.write_bytes(garbage)
        with pytest.raises(StoreError):
            safetensors_dir.read(directory)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", "{"),
        ("config.json", "[]"),
        ("config.json", '{"architectures": []}'),
        ("model.safetensors.index.json", '{"weight_map": {"x": "../../etc/passwd"}}'),
        ("model.safetensors.index.json", '{"weight_map": 7}'),
        ("model.safetensors.index.json", '{"weight_map": {"x": "missing.safetensors"}}'),
    ],
)
def test_hostile_or_broken_json_is_refused(tmp_path: Path, name: str, text: str) -> None:
    directory = model(tmp_path / "m")
    write_shard(directory / "model.safetensors")
    (directory / name).write_text(text)
    with pytest.raises(StoreError):
        safetensors_dir.read(directory)
