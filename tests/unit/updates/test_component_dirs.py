"""States of a component on disk: whole or not there, and one of them active."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from huiyan.errors import DigestMismatchError, DiskFullError, UpdateError
from huiyan.updates.component_dirs import ComponentDirs, Fetch, state_digest
from huiyan.updates.feed import Component, FeedFile


def _component(version: str, **files: bytes) -> tuple[Component, dict[str, bytes]]:
    listed = tuple(
        FeedFile(
            path=name.replace("_", "/"),
            url=f"{version}/{name}",
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        for name, data in files.items()
    )
    component = Component(name="prompt-adapter", kind="prompt-adapter", version=version, files=listed)
    return component, {f"{version}/{name}": data for name, data in files.items()}


def _fetch(served: dict[str, bytes]) -> Fetch:
    def fetch(file: FeedFile) -> Iterable[bytes]:
        data = served[file.url]
        return [data[:3], data[3:]]

    return fetch


@pytest.fixture
def dirs(tmp_path: Path) -> ComponentDirs:
    return ComponentDirs(tmp_path / "components", "prompt-adapter")


def _stage(dirs: ComponentDirs, version: str, **files: bytes) -> str:
    component, served = _component(version, **files)
    return dirs.stage(component, _fetch(served))


def test_staged_selected_and_back(dirs: ComponentDirs) -> None:
    assert dirs.active() == ""
    first = _stage(dirs, "1", adapter=b"one", sub_deep=b"more")
    assert dirs.active() == "", "staging activates nothing"
    dirs.select(first)
    second = _stage(dirs, "2", adapter=b"two!")
    dirs.select(second)
    assert dirs.active() == second
    assert (dirs.directory(first) / "sub" / "deep").read_bytes() == b"more"
    assert (dirs.directory(dirs.active()) / "adapter").read_bytes() == b"two!"
    release = dirs.release(second)
    assert release is not None
    assert release.version == "2"
    dirs.select("")
    assert dirs.active() == ""
    assert set(dirs.states()) == {first, second}


def test_the_same_bytes_are_one_state_and_are_fetched_once(dirs: ComponentDirs) -> None:
    first = _stage(dirs, "1", adapter=b"same")
    component, _ = _component("9", adapter=b"same")

    def never(file: FeedFile) -> Iterable[bytes]:
        raise AssertionError(f"{file.url} was fetched again")

    assert dirs.stage(component, never) == first == state_digest(component.files)


@pytest.mark.parametrize("served", [b"on", b"onee", b"two", b""])
def test_other_bytes_than_the_feed_names_leave_nothing(dirs: ComponentDirs, served: bytes) -> None:
    component, _ = _component("1", adapter=b"one")
    with pytest.raises(DigestMismatchError, match="adapter"):
        dirs.stage(component, lambda _: [served])
    assert dirs.states() == []


def test_an_endless_answer_is_cut(dirs: ComponentDirs) -> None:
    component, _ = _component("1", adapter=b"one")
    given = 0

    def endless(_: FeedFile) -> Iterable[bytes]:
        nonlocal given
        while True:
            given += 1
            yield bytes(1024)

    with pytest.raises(DigestMismatchError):
        dirs.stage(component, endless)
    assert given == 1


def test_a_state_that_is_gone_is_not_selected(dirs: ComponentDirs) -> None:
    first = _stage(dirs, "1", adapter=b"one")
    dirs.select(first)
    with pytest.raises(UpdateError, match="not here") as caught:
        dirs.select("f" * 64)
    assert "huiyan update" in caught.value.hint
    assert dirs.active() == first


def test_what_a_kill_left_is_swept_and_old_states_are_given_back(dirs: ComponentDirs) -> None:
    first = _stage(dirs, "1", adapter=b"one" * 1000)
    half = dirs.directory("x").parent / ".new-killed"
    half.mkdir()
    (half / "adapter").write_bytes(b"half")
    second = _stage(dirs, "2", adapter=b"two")
    assert not half.exists()
    dirs.select(second)
    assert dirs.keep([]) >= 3000
    assert dirs.states() == [second]
    assert not dirs.has(first)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_and_leaves_nothing(dirs: ComponentDirs, monkeypatch: pytest.MonkeyPatch) -> None:
    component, served = _component("1", adapter=b"one")
    real_fsync = os.fsync

    def full(descriptor: int) -> None:
        with open("/dev/full", "wb", buffering=0) as disk:  # noqa: PTH123
            disk.write(b"x")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match="full"):
        dirs.stage(component, _fetch(served))
    assert dirs.states() == []
