"""huiyan.deploy.folder: generated files, and what people made of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from huiyan.deploy.folder import RECORD, keep_secret, write_files
from huiyan.errors import NotOursError


def test_files_are_written_once_and_replaced_while_they_are_ours(tmp_path: Path) -> None:
    assert write_files(tmp_path, {"a.yaml": "1", "chart/b.yaml": "2"}) == ["a.yaml", "chart/b.yaml"]
    assert write_files(tmp_path, {"a.yaml": "1", "chart/b.yaml": "2"}) == []
    assert write_files(tmp_path, {"a.yaml": "1", "chart/b.yaml": "3"}) == ["chart/b.yaml"]
    assert (tmp_path / "chart" / "b.yaml").read_text("utf-8") == "3"


def test_what_was_changed_stops_everything_before_anything_is_written(tmp_path: Path) -> None:
    write_files(tmp_path, {"a": "1", "b": "1"})
    (tmp_path / "b").write_text("mine", "utf-8")
    with pytest.raises(NotOursError, match="was changed"):
        write_files(tmp_path, {"a": "2", "b": "2"})
    assert (tmp_path / "a").read_text("utf-8") == "1"
    assert (tmp_path / "b").read_text("utf-8") == "mine"


def test_other_peoples_files_and_links_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("theirs", "utf-8")
    with pytest.raises(NotOursError):
        write_files(tmp_path, {"a": "1"})
    (tmp_path / "a").unlink()
    write_files(tmp_path, {"a": "1"})
    (tmp_path / "a").rename(tmp_path / "elsewhere")
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotOursError):
        write_files(tmp_path, {"a": "2"})
    assert (tmp_path / "elsewhere").read_text("utf-8") == "1"


def test_a_run_that_was_killed_before_its_record_goes_on(tmp_path: Path) -> None:
    write_files(tmp_path, {"a": "1", "b": "1"})
    record = (tmp_path / RECORD).read_bytes()
    write_files(tmp_path, {"a": "2", "b": "1"})
    (tmp_path / RECORD).write_bytes(record)
    assert write_files(tmp_path, {"a": "2", "b": "2"}) == ["b"]


@pytest.mark.parametrize("record", [b"", b"[]", b"{\xff", b'{"a": 1}'])
def test_a_broken_record_protects_everything(tmp_path: Path, record: bytes) -> None:
    write_files(tmp_path, {"a": "1"})
    (tmp_path / RECORD).write_bytes(record)
    assert write_files(tmp_path, {"a": "1"}) == []
    (tmp_path / RECORD).write_bytes(record)
    with pytest.raises(NotOursError):
        write_files(tmp_path, {"a": "2"})


def test_the_record_holds_digests_alone(tmp_path: Path) -> None:
    write_files(tmp_path, {"a": "words"})
    record = json.loads((tmp_path / RECORD).read_text("utf-8"))
    assert list(record) == ["a"]
    assert len(record["a"]) == 64


def test_a_secret_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    assert keep_secret(path, b"first")
    assert not keep_secret(path, b"second")
    assert path.read_bytes() == b"first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_run_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".key.tmp").write_bytes(b"half")
    assert keep_secret(tmp_path / "key", b"whole")
    assert (tmp_path / "key").read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
