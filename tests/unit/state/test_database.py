"""Keys, ended sessions and usage in a real database."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from huiyan.errors import NotFoundError, SettingsError, StoreError
from huiyan.state.database import Database
from huiyan.state.issue import adopt_key_file, first_admin_key, issue_key
from huiyan.state.records import Batch, Counts, UsageRow
from tests.support.wait import wait_until

DAY = "2026-03-01"


def test_a_key_is_kept_without_its_secret(database: Database, tmp_path: Path) -> None:
    record, secret = issue_key(
        database, name="张三", scopes=["chat", "tools"], requests_per_min=60, bytes_per_day=2**40, priority=-3
    )
    (kept,) = database.snapshot().keys
    assert kept == record
    assert kept.scopes == ("chat", "tools")
    assert (kept.requests_per_min, kept.tokens_per_min, kept.bytes_per_day) == (60, None, 2**40)
    assert secret.startswith(f"hy-{record.id}-")
    assert kept.ending == secret[-4:]
    assert kept.digest == database.secret.key_digest(secret.encode())
    for path in (tmp_path / "state").iterdir():
        assert secret.rpartition("-")[2].encode() not in path.read_bytes()


def test_every_change_of_access_grows_the_revision_and_usage_does_not(database: Database) -> None:
    seen = [database.revision()]
    record, _ = issue_key(database, name="a", scopes=["chat"])
    seen.append(database.revision())
    database.update_key(record.id, {"name": "b"})
    seen.append(database.revision())
    database.end_session("s", int(time.time()) + 60)
    seen.append(database.revision())
    database.revoke_key(record.id)
    seen.append(database.revision())
    assert seen == sorted(set(seen))
    database.add_usage([UsageRow(key_id=record.id, day=DAY, counts=Counts(requests=1))])
    assert database.revision() == seen[-1] == database.snapshot().revision


def test_update_and_revoke(database: Database) -> None:
    record, _ = issue_key(database, name="a", scopes=["chat"], streams=2)
    changed = database.update_key(record.id, {"scopes": ["admin", "chat"], "streams": None})
    assert (changed.scopes, changed.streams, changed.name) == (("admin", "chat"), None, "a")
    database.revoke_key(record.id)
    (revoked,) = database.snapshot().keys
    assert revoked.revoked_unix_s is not None
    assert not revoked.active(time.time())
    assert revoked.state(time.time()) == "revoked"
    database.revoke_key(record.id)
    assert database.snapshot().keys == (revoked,)
    for act in (database.revoke_key, lambda key_id: database.update_key(key_id, {"name": "x"})):
        with pytest.raises(NotFoundError, match="nosuch"):
            act("nosuch")


def test_ended_sessions_are_forgotten_when_they_would_have_ended(database: Database) -> None:
    now = int(time.time())
    database.end_session("old", now - 1)
    database.end_session("new", now + 600)
    database.end_session("new", now + 600)
    assert database.snapshot().ended_sessions == {"new"}


def test_usage_adds_up(database: Database) -> None:
    row = UsageRow(key_id="k", day=DAY, counts=Counts(requests=2, prompt_tokens=5, received_bytes=2**40))
    database.add_usage([row, UsageRow(key_id="local", day="2026-03-02", counts=Counts(requests=1))])
    database.add_usage([row])
    database.add_usage([])
    rows = database.usage(since_day=DAY)
    assert [(r.key_id, r.day) for r in rows] == [("k", DAY), ("local", "2026-03-02")]
    assert rows[0].counts == Counts(requests=4, prompt_tokens=10, received_bytes=2**41)
    assert database.usage(since_day="2026-03-02", key_id="k") == []


def test_writers_at_the_same_time_lose_nothing(database: Database, url: str | None, tmp_path: Path) -> None:
    """Two gateways on one database, each with several threads."""
    other = Database(tmp_path / "state", url=url)
    rows = [UsageRow(key_id=key, day=DAY, counts=Counts(requests=1)) for key in ("b", "a", "c")]
    failures: list[Exception] = []

    def write(target: Database) -> None:
        try:
            for _ in range(10):
                target.add_usage(rows)
        except Exception as error:  # noqa: BLE001  # shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=write, args=(target,)) for target in (database, other) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert failures == []
    assert [row.counts.requests for row in database.usage(since_day=DAY)] == [40, 40, 40]


def test_one_first_key_between_two_gateways(database: Database, url: str | None, tmp_path: Path) -> None:
    other = Database(tmp_path / "state", url=url)
    made: list[str | None] = []
    threads = [
        threading.Thread(target=lambda target=target: made.append(first_admin_key(target)))
        for target in (database, other, database, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert len([secret for secret in made if secret is not None]) == 1
    (key,) = database.snapshot().keys
    assert set(key.scopes) == {"admin", "chat", "tools"}
    assert key.origin == "first"


def test_a_first_key_comes_again_when_no_key_opens_anything(database: Database) -> None:
    record, _ = issue_key(database, name="old", scopes=["admin"], expires_unix_s=int(time.time()) - 1)
    assert first_admin_key(database) is not None
    assert first_admin_key(database) is None
    for key in database.snapshot().keys:
        database.revoke_key(key.id)
    assert first_admin_key(database) is not None
    assert record.id in {key.id for key in database.snapshot().keys}


def test_a_key_from_a_file(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "admin-key"
    path.write_text("correct-horse-battery-staple\n")
    assert adopt_key_file(database, path)
    assert not adopt_key_file(database, path)
    (first,) = database.snapshot().keys
    assert first.digest == database.secret.key_digest(b"correct-horse-battery-staple")
    path.write_text("another-horse-battery-staple")
    assert adopt_key_file(database, path)
    states = {key.digest: key.state(time.time()) for key in database.snapshot().keys}
    assert sorted(states.values()) == ["active", "revoked"]
    assert states[first.digest] == "revoked"


@pytest.mark.parametrize(
    "secret",
    [
        "hunter2",
        "",
        "密钥密钥密钥密钥密钥密钥密钥密钥密钥密钥密钥密钥密钥",
        "tab\tin-the-middle-of-the-secret",
    ],
)
def test_a_weak_key_file_is_refused(database: Database, tmp_path: Path, secret: str) -> None:
    path = tmp_path / "admin-key"
    path.write_text(secret)
    with pytest.raises(SettingsError) as caught:
        adopt_key_file(database, path)
    assert caught.value.hint
    assert secret not in caught.value.message or not secret
    with pytest.raises(SettingsError):
        adopt_key_file(database, tmp_path / "missing")


def test_the_secret_of_another_machine_is_told_apart(
    database: Database, url: str | None, tmp_path: Path
) -> None:
    (tmp_path / "state" / "secret").write_bytes(bytes(32))
    with pytest.raises(StoreError, match="another server secret") as caught:
        Database(tmp_path / "state", url=url)
    assert "Copy state/secret" in caught.value.hint


def test_an_unreachable_server_is_a_store_error_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        Database(tmp_path, url=f"postgresql://huiyan:hunter2secret@/none?host={tmp_path}")
    assert caught.value.hint
    assert "hunter2secret" not in caught.value.message + caught.value.hint


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "state")
    issue_key(database, name="a", scopes=["chat"])
    names = {path.name for path in (tmp_path / "state").iterdir()}
    assert {"huiyan.db", "huiyan.db-wal", "secret"} <= names
    for path in (tmp_path / "state").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    database.close()


def test_a_file_that_is_no_database_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "huiyan.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError) as caught:
        Database(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint


def test_a_secret_of_the_wrong_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(StoreError, match="5 bytes"):
        Database(tmp_path)


def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    """The process is killed right after the call returned."""
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from huiyan.state.database import Database\n"
        "from huiyan.state.issue import issue_key\n"
        "database = Database(Path(sys.argv[1]))\n"
        "print(issue_key(database, name='a', scopes=['chat'])[0].id, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    ) as writer:
        assert writer.stdout is not None
        key_id = writer.stdout.readline().strip()
        writer.kill()
    wait_until(lambda: writer.returncode is not None, "it is dead")
    database = Database(tmp_path)
    assert [key.id for key in database.snapshot().keys] == [key_id]
    database.close()


def test_a_batch_is_added_once(database: Database) -> None:
    row = UsageRow(key_id="k", day=DAY, counts=Counts(requests=1))
    for number in (1, 1, 2, 1, 2):
        database.add_usage([row], batch=Batch(writer="w", number=number))
    database.add_usage([row], batch=Batch(writer="other", number=1))
    (kept,) = database.usage(since_day=DAY)
    assert kept.counts.requests == 3
    database.forget_writer("w")
    database.add_usage([row], batch=Batch(writer="w", number=1))
    (kept,) = database.usage(since_day=DAY)
    assert kept.counts.requests == 4
