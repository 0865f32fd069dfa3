"""`huiyan update` without a launcher: it applies for the next start; a feed that lies is refused by name."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from huiyan import nano
from huiyan.cli.app import app
from huiyan.launcher import model_files, nano_files
from huiyan.launcher.lock import DataDirLock
from huiyan.launcher.state import DataDir
from huiyan.settings.load import load
from huiyan.store.snapshots import Store
from huiyan.updates.feed import parse
from tests.support import feeds, projectors


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HUIYAN_"):
            monkeypatch.delenv(name)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def _run(data_dir: Path, *words: str) -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(app, ["update", "--data-dir", str(data_dir), *words])
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    return result.exit_code, lines, result.output


def _take(data_dir: Path, feed: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """(exit code, last JSON line) of an update of the vision encoder."""
    words = ("--component", "vision-encoder", "--feed", str(feed), "--yes", "--json", *words)
    code, lines, _ = _run(data_dir, *words)
    return code, lines[-1]


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    return feeds.vision(tmp_path / "feed", projectors.slightly_other(tmp_path / "x-mmproj.gguf"), "2")


def _served(data_dir: Path) -> bytes:
    """The projector that the next start would load."""
    settings = load({"data_dir": data_dir})
    files = model_files.choose(settings.engine, settings.models.directory(data_dir))
    assert isinstance(files, model_files.ModelFiles)
    return files.mmproj_path.read_bytes()


def test_taken_checked_and_put_back(data_dir: Path, feed: Path, tmp_path: Path) -> None:
    code, lines, _ = _run(data_dir, "--check", "--feed", str(feed), "--json")
    assert code == 0
    components = {each["name"]: each for each in lines[-1]["components"]}
    assert list(components) == ["huiyan", "engine", "vision-encoder", "prompt-adapter"]
    assert components["vision-encoder"]["available"] == "2"
    assert components["vision-encoder"]["version"] == "built-in"

    code, last = _take(data_dir, feed)
    assert (code, last["event"], last["step"]) == (0, "done", "committed")
    new = (tmp_path / "x-mmproj.gguf").read_bytes()
    assert _served(data_dir) == new
    assert _take(data_dir, feed) == (0, {"event": "done", "component": "vision-encoder", "changed": False})

    code, lines, _ = _run(data_dir, "--rollback", "--yes", "--json")
    assert (code, lines[-1]["version"]) == (0, "built-in")
    assert _served(data_dir) == nano.MMPROJ_PATH.read_bytes()
    code, lines, _ = _run(data_dir, "--rollback", "--component", "prompt-adapter", "--yes", "--json")
    assert (code, lines[-1]["error"]["code"]) == (3, "no_rollback")


def test_words_for_people(data_dir: Path, feed: Path) -> None:
    words = ("--component", "vision-encoder", "--feed", str(feed))
    code, _, said = _run(data_dir, *words, "--yes", "--lang", "en")
    assert code == 0
    for part in ("built-in → 2", "To be fetched: 19 MiB", "Kept as it is: 12 MiB", "with the next start"):
        assert part in said
    code, _, said = _run(data_dir, *words, "--yes", "--lang", "zh")
    assert (code, "发布目录里没有更新的" in said) == (0, True)
    code, _, said = _run(data_dir, "--check", "--lang", "zh")
    assert (code, "没有设置发布目录" in said) == (0, True)


def test_nobody_to_ask(data_dir: Path, feed: Path) -> None:
    code, _, said = _run(data_dir, "--component", "vision-encoder", "--feed", str(feed), "--lang", "en")
    assert (code, "--yes" in said) == (2, True)
    assert _run(data_dir)[0] == 2, "which component?"
    assert _served(data_dir) == nano.MMPROJ_PATH.read_bytes()


def test_what_is_not_there(data_dir: Path, feed: Path) -> None:
    for words, wanted, status in (
        (("--component", "engine", "--feed", str(feed)), "component_unknown", 3),
        (("--component", "nonsense", "--feed", str(feed)), "component_unknown", 3),
        (("--component", "prompt-adapter", "--feed", str(feed)), "update_not_offered", 3),
        (("--component", "vision-encoder", "--feed", str(feed), "--version", "7"), "update_not_offered", 3),
        (("--component", "vision-encoder"), "no_feed", 3),
        (("--component", "vision-encoder", "--feed", str(feed / "none")), "release_feed_error", 3),
    ):
        code, lines, _ = _run(data_dir, *words, "--yes", "--json")
        assert (code, lines[-1]["error"]["code"]) == (status, wanted), words
        assert lines[-1]["error"]["hint"]


def test_a_launcher_that_is_just_starting_is_not_disturbed(data_dir: Path, feed: Path) -> None:
    with DataDirLock(DataDir(data_dir)):
        code, last = _take(data_dir, feed)
    assert (code, last["error"]["code"]) == (3, "already_running")


def _wrong_digest(feed: Path, outside: Path) -> None:
    carried = feed / parse((feed / "components.toml").read_bytes()).component[0].files[0].url
    data = bytearray(carried.read_bytes())
    data[-1] ^= 1
    carried.write_bytes(data)


def _short_file(feed: Path, outside: Path) -> None:
    carried = feed / parse((feed / "components.toml").read_bytes()).component[0].files[0].url
    carried.write_bytes(carried.read_bytes()[:-1000])


def _other_shape(feed: Path, outside: Path) -> None:
    feeds.spoil(feed, "width = 320", "width = 640")


def _false_shape(feed: Path, outside: Path) -> None:
    """The feed says that it fits; the file itself does not."""
    other = projectors.with_number(outside.parent / "y-mmproj.gguf", "clip.vision.patch_size", 14)
    file = parse((feed / "components.toml").read_bytes()).component[0].files[0]
    (feed / file.url).write_bytes(other.read_bytes())
    feeds.spoil(feed, file.sha256, hashlib.sha256(other.read_bytes()).hexdigest())


def _traversal(feed: Path, outside: Path) -> None:
    feeds.spoil(feed, 'url = "vision-encoder/2/x-mmproj.gguf"', f'url = "../{outside.name}"')


def _slipping_path(feed: Path, outside: Path) -> None:
    """What an archive would do by a name in it: the file would land outside of its directory."""
    feeds.spoil(feed, 'path = "x-mmproj.gguf"', 'path = "../../../x-mmproj.gguf"')


def _absolute(feed: Path, outside: Path) -> None:
    feeds.spoil(feed, 'url = "vision-encoder/2/x-mmproj.gguf"', f'url = "{outside}"')


def _symlink(feed: Path, outside: Path) -> None:
    carried = feed / "vision-encoder/2/x-mmproj.gguf"
    carried.unlink()
    carried.symlink_to(outside)


def _other_model(feed: Path, outside: Path) -> None:
    feeds.spoil(feed, '"huiyan/nano"', '"Qwen/Qwen3-VL-8B-Instruct"')


def _other_kind(feed: Path, outside: Path) -> None:
    feeds.spoil(feed, 'kind = "vision-encoder"', 'kind = "prompt-adapter"')


def _too_new(feed: Path, outside: Path) -> None:
    feeds.spoil(feed, 'min_huiyan = "0"', 'min_huiyan = "99"')


def _no_toml(feed: Path, outside: Path) -> None:
    (feed / "components.toml").write_bytes(b"PK\x03\x04 not TOML at all")


@pytest.mark.parametrize(
    ("lie", "code", "says"),
    [
        (_wrong_digest, "digest_mismatch", "another"),
        (_short_file, "digest_mismatch", "shorter than the feed says"),
        (_other_shape, "component_mismatch", "embedding width: 640"),
        (_false_shape, "release_feed_error", "not what the feed says of it"),
        (_traversal, "release_feed_error", "no path below"),
        (_slipping_path, "release_feed_error", "no path below"),
        (_absolute, "release_feed_error", "no path below"),
        (_symlink, "release_feed_error", "does not lie beside the feed"),
        (_other_model, "component_mismatch", "Qwen/Qwen3-VL-8B-Instruct"),
        (_other_kind, "release_feed_error", "prompt-adapter"),
        (_too_new, "update_not_offered", "needs huiyan 99"),
        (_no_toml, "release_feed_error", "not TOML"),
    ],
)
def test_a_feed_that_lies(
    lie: Callable[[Path, Path], None], code: str, says: str, data_dir: Path, feed: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.gguf"
    outside.write_bytes((feed / "vision-encoder/2/x-mmproj.gguf").read_bytes())
    lie(feed, outside)
    status, last = _take(data_dir, feed)
    error = last["error"]
    assert status != 0
    assert error["code"] == code, error
    assert says in error["message"] or code == "digest_mismatch", error
    assert error["hint"], error
    assert _served(data_dir) == nano.MMPROJ_PATH.read_bytes()
    assert [path.name for path in tmp_path.rglob("*mmproj.gguf") if "data" not in path.parts]


def test_an_older_one_is_no_update(data_dir: Path, feed: Path, tmp_path: Path) -> None:
    assert _take(data_dir, feed)[0] == 0
    older = feeds.vision(tmp_path / "older", projectors.noisy(tmp_path / "z-mmproj.gguf"), "1")
    for words in ((), ("--version", "1")):
        code, last = _take(data_dir, older, *words)
        assert (code, last["error"]["code"]) == (3, "downgrade_refused")
        assert "--rollback" in last["error"]["hint"]


def test_with_another_nano_an_old_update_means_nothing(data_dir: Path, feed: Path) -> None:
    assert _take(data_dir, feed)[0] == 0
    store = Store(load({"data_dir": data_dir}).models.directory(data_dir))
    here = store.current(nano.STORE_ID)
    assert here is not None
    path = here.tree / nano.MODEL_PATH.name
    path.chmod(0o600)
    path.write_bytes(b"cut short")
    assert nano_files.updated(store.layout.root) is None
    assert _served(data_dir) == nano.MMPROJ_PATH.read_bytes()
