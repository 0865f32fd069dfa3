"""A backup goes between SQLite and PostgreSQL, is verified before anything is touched, and survives kills."""

from __future__ import annotations

import gzip
import io
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import msgspec
import pytest

from huiyan.errors import BackupRefusedError
from huiyan.state.database import SECRET_NAME, Database
from huiyan.state.issue import issue_key
from huiyan.state.records import AccessSnapshot, Counts, UsageRow
from huiyan.state.restore import back_up, restore

USAGE = UsageRow(key_id="gone", day="2026-01-31", counts=Counts(requests=3, prompt_tokens=7))


def fill(data_dir: Path, url: str | None = None, *, name: str = "店铺") -> AccessSnapshot:
    database = Database(data_dir / "state", url=url)
    issue_key(database, name=name, scopes=["chat", "admin"], streams=3)
    database.add_usage([USAGE])
    database.end_session("over", 2**40)
    found = database.snapshot()
    database.close()
    return found


def names(data_dir: Path, url: str | None = None) -> list[str]:
    database = Database(data_dir / "state", url=url)
    try:
        return [key.name for key in database.snapshot().keys]
    finally:
        database.close()


def made(tmp_path: Path) -> tuple[Path, AccessSnapshot]:
    source = tmp_path / "source"
    was = fill(source)
    (source / "huiyan.toml").write_text('lang = "zh"\n')
    (source / "tools" / "pdf").mkdir(parents=True)
    (source / "tools" / "pdf" / "grants.json").write_text("{}")
    path = tmp_path / "backup"
    back_up(path, data_dir=source, state_dir=source / "state", url=None)
    return path, was


def test_it_goes_into_either_database_and_back(tmp_path: Path, url: str | None) -> None:
    path, was = made(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    there, back = tmp_path / "there", tmp_path / "back"
    done = restore(path, data_dir=there, state_dir=there / "state", url=url, replace=False)
    assert (done.in_place, done.aside, done.before) == (
        ["huiyan.toml"],
        ["restored/tools/pdf/grants.json"],
        None,
    )
    back_up(tmp_path / "again", data_dir=there, state_dir=there / "state", url=url)
    restore(tmp_path / "again", data_dir=back, state_dir=back / "state", url=None, replace=False)
    for data_dir, address in ((there, url), (back, None)):
        database = Database(data_dir / "state", url=address)
        found = database.snapshot()
        assert (found.keys, found.ended_sessions) == (was.keys, was.ended_sessions)
        assert database.usage(since_day="2026-01-01") == [USAGE]
        database.close()
    secrets = {(root / "state" / SECRET_NAME).read_bytes() for root in (tmp_path / "source", there, back)}
    assert len(secrets) == 1, "the keys open the restored gateways, too"
    assert (there / "state" / SECRET_NAME).stat().st_mode & 0o777 == 0o600


def test_keys_that_are_here_are_replaced_only_on_demand_and_can_be_brought_back(tmp_path: Path) -> None:
    path, _ = made(tmp_path)
    here = tmp_path / "here"
    fill(here, name="old")
    (here / "huiyan.toml").write_text('lang = "en"\n')
    with pytest.raises(BackupRefusedError, match="1"):
        restore(path, data_dir=here, state_dir=here / "state", url=None, replace=False)
    assert names(here) == ["old"]
    done = restore(path, data_dir=here, state_dir=here / "state", url=None, replace=True)
    assert names(here) == ["店铺"]
    assert (here / "huiyan.toml").read_text() == 'lang = "en"\n'
    assert (here / "restored" / "huiyan.toml").read_text() == 'lang = "zh"\n'
    assert done.before is not None
    # Moved, because bringing it back keeps a backup of that name itself.
    before = done.before.rename(tmp_path / "before")
    restore(before, data_dir=here, state_dir=here / "state", url=None, replace=True)
    assert names(here) == ["old"]


def rewritten(path: Path, change: str) -> bytes:
    """The same file with one thing wrong in it."""
    with tarfile.open(path, "r:gz") as tar:
        members = {head.name: (tar.extractfile(head) or io.BytesIO()).read() for head in tar}
    manifest = msgspec.json.decode(members["manifest.json"])
    name = "tables/keys.jsonl"
    match change:
        case "row":
            members[name] = members[name].replace(b"chat", b"CHAT")
        case "missing":
            del members[name]
        case "extra":
            members["files/../../evil"] = b"x"
        case "schema":
            manifest["schema_version"] += 1
        case "format":
            manifest["format"] += 1
        case "no manifest":
            del members["manifest.json"]
    if change != "no manifest":
        members["manifest.json"] = msgspec.json.encode(manifest)
    whole = io.BytesIO()
    with gzip.GzipFile(fileobj=whole, mode="wb") as packed, tarfile.open(fileobj=packed, mode="w|") as out:
        for member, data in members.items():
            head = tarfile.TarInfo(member)
            head.size = len(data)
            out.addfile(head, io.BytesIO(data))
    return whole.getvalue()


@pytest.mark.parametrize(
    "change",
    ["row", "missing", "extra", "schema", "format", "no manifest", "half", "flipped", "empty", "text"],
)
def test_what_is_wrong_with_a_file_is_found_before_anything_is_touched(tmp_path: Path, change: str) -> None:
    path, _ = made(tmp_path)
    data = path.read_bytes()
    bad = {
        "half": data[: len(data) // 2],
        "flipped": data[:200] + bytes([data[200] ^ 255]) + data[201:],
        "empty": b"",
        "text": b"no backup at all\n" * 9,
    }
    path.write_bytes(bad[change] if change in bad else rewritten(path, change))
    there = tmp_path / "there"
    with pytest.raises(BackupRefusedError) as refused:
        restore(path, data_dir=there, state_dir=there / "state", url=None, replace=True)
    assert refused.value.hint
    assert not there.exists()


CHILD = """
import sys
from pathlib import Path
from huiyan.state.restore import restore
from tests.support.mortal import die_at
path, here, point = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
seen = die_at(point)
restore(path, data_dir=here, state_dir=here / "state", url=None, replace=True)
print(seen())
"""


def killed_at(path: Path, here: Path, point: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(path), str(here), str(point)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[3],
    )


@pytest.mark.slow
def test_a_kill_leaves_the_old_keys_or_the_new_ones(tmp_path: Path) -> None:
    path, _ = made(tmp_path)
    fill(tmp_path / "whole", name="old")
    whole = killed_at(path, tmp_path / "whole", 0)
    assert whole.returncode == 0, whole.stderr
    points = int(whole.stdout)
    assert points > 10
    ends = set()
    # Spread over all of it; the switch lies in the second half, so both ends are seen.
    for point in range(1, points + 1, max(1, points // 10)):
        here = tmp_path / f"here-{point}"
        fill(here, name="old")
        assert killed_at(path, here, point).returncode == -signal.SIGKILL
        (found,) = names(here)
        ends.add(found)
        restore(path, data_dir=here, state_dir=here / "state", url=None, replace=True)
        assert names(here) == ["店铺"]
    assert ends == {"old", "店铺"}
