"""Environments side by side, and the pointer that says which one counts."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from huiyan.errors import ComponentMismatchError, UpdateError
from huiyan.settings import selected
from huiyan.updates.versions import MARKER, Installed, Versions
from huiyan.updates.wheel import read_wheel
from tests.support.wheels import tiny_wheel


def make(versions: Versions, version: str, *, at: float = 1.0) -> str:
    """An environment as far as the pointer is concerned."""
    state = f"{version}-0123456789ab"
    directory = versions.directory(state)
    python = directory / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    record = Installed(
        state=state, version=version, python=str(python), wheel_sha256="", lock_sha256="", made_unix_s=at
    )
    (directory / MARKER).write_bytes(msgspec.json.encode(record))
    return state


def test_pointer_moves_and_goes(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    assert versions.active() == ""
    first, second = make(versions, "98.0"), make(versions, "99.0", at=2.0)
    versions.select(first, origin="/usr/bin/python", origin_version="97.0")
    versions.select(second, origin="/elsewhere", origin_version="98.0")
    chosen = versions.selected()
    assert chosen is not None
    assert (chosen.state, chosen.origin, chosen.origin_version) == (second, "/usr/bin/python", "97.0")
    assert versions.python("", origin="/elsewhere") == "/usr/bin/python"
    versions.select("", origin="", origin_version="")
    versions.select("", origin="", origin_version="")
    assert versions.selected() is None


def test_state_of_an_interpreter(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "link")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    state = make(versions, "98.0")
    assert versions.state_of(tmp_path / "real" / "versions" / state) == state
    assert versions.state_of(Path(sys.prefix)) == ""


def test_what_is_not_whole_is_not_there(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    state = make(versions, "98.0")
    (versions.directory(state) / MARKER).unlink()
    assert versions.installed() == []
    with pytest.raises(UpdateError, match="not at"):
        versions.select(state, origin="", origin_version="")


def test_old_ones_and_leftovers_go(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    states = [make(versions, f"9{n}.0", at=float(n)) for n in range(4)]
    (versions.root / ".new-half").mkdir()
    versions.select(states[3], origin="", origin_version="")
    versions.keep([states[2]])
    assert [each.state for each in versions.installed()] == [states[3], states[2]]
    assert sorted(path.name for path in versions.root.iterdir()) == sorted(
        [states[2], states[3], "selected.json"]
    )


def test_commands_go_to_the_newer_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(selected.IGNORE_VARIABLE, raising=False)
    words = ["status", "--data-dir", str(tmp_path)]
    assert selected.other_python(words) is None
    versions = Versions(tmp_path)
    state = make(versions, "99.0")
    versions.select(state, origin=sys.executable, origin_version="0.1.0")
    python = str(versions.directory(state) / "bin" / "python")
    assert selected.other_python(words) == python
    assert selected.other_python(["status", f"--data-dir={tmp_path}"]) == python
    monkeypatch.setenv("HUIYAN_DATA_DIR", str(tmp_path))
    assert selected.other_python(["status"]) == python
    assert selected.other_python([*words, "--takeover-fd", "3"]) is None
    monkeypatch.setenv(selected.IGNORE_VARIABLE, "1")
    assert selected.other_python(words) is None


def test_an_installation_that_is_newer_than_the_pointer_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(selected.IGNORE_VARIABLE, raising=False)
    versions = Versions(tmp_path)
    versions.select(make(versions, "0.0.1"), origin=sys.executable, origin_version="0.0.0")
    assert selected.other_python(["status", "--data-dir", str(tmp_path)]) is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"python": 5}', '{"python": "/nowhere/python"}'])
def test_a_pointer_that_leads_nowhere_is_no_pointer(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(selected.IGNORE_VARIABLE, raising=False)
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "selected.json").write_text(text, "utf-8")
    assert selected.other_python(["status", "--data-dir", str(tmp_path)]) is None


def test_wheel_says_what_it_is(tmp_path: Path) -> None:
    facts = read_wheel(tiny_wheel(tmp_path, "1.2.3", requires=["msgspec>=0.20", 'x; extra == "redis"']))
    assert facts.version == "1.2.3"
    assert facts.requires == ("msgspec>=0.20",)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"name": "other"}, ComponentMismatchError, "other"),
        ({"python": ">=99"}, ComponentMismatchError, ">=99"),
        ({"python": "rubbish"}, UpdateError, "no usable wheel"),
        ({"version": "not a version"}, UpdateError, "no usable wheel"),
    ],
)
def test_other_wheels_are_refused(
    tmp_path: Path, change: dict[str, str], error: type[UpdateError], says: str
) -> None:
    with pytest.raises(error, match=says) as refused:
        read_wheel(tiny_wheel(tmp_path, **{"version": "1.0", **change}))
    assert refused.value.hint


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huiyan-1.0-py3-none-any.whl"
    path.write_bytes(b"PK\x03\x04 and nothing else")
    for wheel in (path, tmp_path / "missing.whl", tmp_path):
        with pytest.raises(UpdateError):
            read_wheel(wheel)
