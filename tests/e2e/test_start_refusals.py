"""What `start` refuses, with exit code 3 and what to do: broken models, a full disk, no permission."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from huiyan import nano
from tests.support.installation import Finished, Huiyan, huiyan_command
from tests.support.refusals import assert_refused, start_and_fail


def test_unknown_model_id_means_nano_with_a_banner(fresh: Huiyan) -> None:
    """Until a model is here, nano answers in its place; that is no failure."""
    fresh.start("--model", "Qwen/Qwen3-VL-8B-Instruct")
    report = fresh.report()
    assert report["model"]["id"] == "nano"
    assert report["model"]["demo"] is True
    assert report["model"]["wanted"] == "Qwen/Qwen3-VL-8B-Instruct"
    assert "Qwen/Qwen3-VL-8B-Instruct" in fresh.output


def _copy_of_nano(directory: Path) -> Path:
    """nano's two files as a model of the user's own; returns the model file."""
    directory.mkdir()
    shutil.copy(nano.MODEL_PATH, directory / "my-model.gguf")
    shutil.copy(nano.MMPROJ_PATH, directory / "mmproj-my-model.gguf")
    return directory / "my-model.gguf"


def test_model_of_the_users_own_is_served(fresh: Huiyan, tmp_path: Path) -> None:
    model = _copy_of_nano(tmp_path / "a model's directory")
    fresh.start("--model-path", str(model))
    assert fresh.report()["model"]["id"] == "my-model"


def test_missing_model_path_is_refused(fresh: Huiyan, tmp_path: Path) -> None:
    missing = tmp_path / "nothing-here.gguf"
    assert_refused(start_and_fail(fresh, "--model-path", str(missing)), str(missing))


def test_missing_mmproj_is_refused(fresh: Huiyan, tmp_path: Path) -> None:
    model = _copy_of_nano(tmp_path / "model")
    (model.parent / "mmproj-my-model.gguf").unlink()
    assert_refused(start_and_fail(fresh, "--model-path", str(model)), "mmproj")


def test_truncated_model_file_is_refused(fresh: Huiyan, tmp_path: Path) -> None:
    model = _copy_of_nano(tmp_path / "model")
    os.truncate(model, model.stat().st_size // 2)
    assert_refused(start_and_fail(fresh, "--model-path", str(model)), "my-model.gguf")


def test_model_file_that_is_none_is_refused(fresh: Huiyan, tmp_path: Path) -> None:
    model = _copy_of_nano(tmp_path / "model")
    model.write_bytes(b"<html>404 Not Found</html>" * 1000)
    assert_refused(start_and_fail(fresh, "--model-path", str(model)), "my-model.gguf")


def test_model_file_with_a_flipped_bit_is_refused_by_its_recorded_hash(fresh: Huiyan, tmp_path: Path) -> None:
    """Same size, one bit off: only the recorded hash tells."""
    directory = tmp_path / "model"
    directory.mkdir()
    for path in (nano.MODEL_PATH, nano.MMPROJ_PATH, nano.MANIFEST_PATH):
        shutil.copy(path, directory / path.name)
    model = directory / nano.MODEL_PATH.name
    with model.open("r+b") as file:
        file.seek(model.stat().st_size - 1000)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    assert_refused(start_and_fail(fresh, "--model-path", str(model)), model.name)


def test_full_disk_is_refused(fresh: Huiyan, tmp_path: Path) -> None:
    """A file system without room for the logs: said so, exit 3, nothing left behind."""
    mount = tmp_path / "full"
    mount.mkdir()
    mounted = os.geteuid() == 0 and _mount_tmpfs(mount)
    if not mounted:
        pytest.skip("only root can mount a full file system here")
    with contextlib.suppress(OSError):
        (mount / "filler").write_bytes(bytes(1024 * 1024))
    try:
        finished = fresh.run("start", "--no-browser", "--json", "--data-dir", str(mount / "data"))
        assert_refused(finished, str(mount))
        fresh.wait_nothing_left()
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def _mount_tmpfs(mount: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(mount)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def test_almost_full_disk_is_refused_before_anything_starts(fresh: Huiyan) -> None:
    """The bound is a setting, so that this needs no full disk: more is asked for than any disk has."""
    fresh.extra_environment["HUIYAN_LAUNCHER__MIN_FREE_DISK_BYTES"] = str(10**18)
    assert_refused(start_and_fail(fresh), str(fresh.data_dir))


def test_data_directory_without_write_permission_is_refused(fresh: Huiyan, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    command = [str(huiyan_command()), "start", "--no-browser", "--json", "--data-dir", str(locked / "data")]
    if os.geteuid() == 0:
        # Root may write everywhere, unless it gives that power away first.
        powers = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}", *command]
    finished = subprocess.run(
        command, env=fresh.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert_refused(Finished(finished.returncode, finished.stdout, finished.stderr), str(locked))
    fresh.wait_nothing_left()


def test_misspelt_setting_is_a_usage_error(fresh: Huiyan) -> None:
    fresh.extra_environment["HUIYAN_GATEWEY__PORT"] = "8000"
    finished = start_and_fail(fresh)
    assert finished.returncode == 2, finished.said
    assert "GATEWEY" in (finished.stdout + finished.stderr).upper()
