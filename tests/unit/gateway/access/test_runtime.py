"""Keys that change while a gateway runs, and what it costs where there are none."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from huiyan.errors import StoreError
from huiyan.gateway.access import runtime as module
from huiyan.gateway.access.keyring import Source
from huiyan.gateway.access.notices import CHANNEL
from huiyan.gateway.access.options import AccessOptions
from huiyan.gateway.access.principal import KeyLimits, Principal, Scope
from huiyan.gateway.access.runtime import Access
from huiyan.gateway.limits import Lease, Refused
from huiyan.state.database import Database
from huiyan.state.issue import issue_key
from tests.support import servers
from tests.support.wait import eventually
from tests.unit.gateway.test_usage import KEY, record


@contextlib.asynccontextmanager
async def running(state_dir: Path | None, **options: Any) -> AsyncIterator[Access]:
    access = Access(AccessOptions.model_validate(options), host="127.0.0.1", port=8000, state_dir=state_dir)
    access.start()
    try:
        await asyncio.wait_for(access.loaded(), 30)
        yield access
    finally:
        await access.close()


async def test_a_key_of_another_process_counts_soon_and_its_revocation_too(tmp_path: Path) -> None:
    async with running(tmp_path) as access:
        assert access.ring.loaded
        assert not access.ring.configured
        assert not (tmp_path / "huiyan.db").exists()
        other = Database(tmp_path)
        issued, secret = issue_key(other, name="a", scopes=["chat"])

        async def known() -> bool:
            return access.ring.lookup(secret.encode()) is not None

        async def unknown() -> bool:
            return access.ring.lookup(secret.encode()) is None

        await eventually(known)
        other.update_key(issued.id, {"name": "b"})

        async def renamed() -> bool:
            found = access.ring.lookup(secret.encode())
            return found is not None and found.name == "b"

        await eventually(renamed)
        other.revoke_key(issued.id)
        await eventually(unknown)
        other.close()


async def test_keys_that_are_there_are_read_at_the_start(tmp_path: Path) -> None:
    database = Database(tmp_path)
    _, secret = issue_key(database, name="a", scopes=["chat"])
    _, expired = issue_key(database, name="b", scopes=["chat"], expires_unix_s=int(time.time()) - 1)
    database.close()
    async with running(tmp_path) as access:
        assert access.ring.lookup(secret.encode()) is not None
        assert access.ring.lookup(expired.encode()) is None


async def test_a_change_of_its_own_counts_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as access:
        issued, secret = await access.on_database(lambda db: issue_key(db, name="a", scopes=["chat"]))
        await access.reload()
        assert access.ring.lookup(secret.encode()) is not None
        await access.on_database(lambda db: db.revoke_key(issued.id))
        await access.reload()
        assert access.ring.lookup(secret.encode()) is None


async def test_a_restored_copy_is_taken(tmp_path: Path) -> None:
    database = Database(tmp_path)
    _, secret = issue_key(database, name="kept", scopes=["chat"])
    _, later = issue_key(database, name="later", scopes=["chat"])
    async with running(tmp_path) as access:
        assert access.ring.lookup(later.encode()) is not None
        with contextlib.closing(sqlite3.connect(tmp_path / "huiyan.db")) as direct, direct:
            direct.execute("DELETE FROM keys WHERE name = 'later'")
            direct.execute("UPDATE meta SET value = '1' WHERE name = 'access_revision'")

        async def gone() -> bool:
            return access.ring.lookup(later.encode()) is None

        await eventually(gone)
        assert access.ring.lookup(secret.encode()) is not None
    database.close()


async def test_usage_is_in_the_database_after_a_clean_stop(tmp_path: Path) -> None:
    async with running(tmp_path) as access:
        for _ in range(7):
            access.usage.finished(record(KEY))
    database = Database(tmp_path)
    (row,) = database.usage(since_day="2000-01-01")
    assert (row.key_id, row.counts.requests, row.counts.prompt_tokens) == ("k", 7, 70)
    database.close()


async def test_a_restart_does_not_forgive_bytes(tmp_path: Path) -> None:
    principal = Principal(
        id="k", name="a", scopes=frozenset({Scope.CHAT}), limits=KeyLimits(bytes_per_day=1000)
    )
    async with running(tmp_path) as access:
        access.usage.finished(record(principal, received_bytes=950))
    async with running(tmp_path) as access:
        answers: list[Lease | Refused] = []
        for size in (51, 50):
            access.limiter.begin(principal, body_bytes=size, done=answers.append)
        if time.time() % 86_400 < 86_300:  # else it may be another day by now
            assert [type(answer) for answer in answers] == [Refused, Lease]


async def test_a_key_file(tmp_path: Path) -> None:
    path = tmp_path / "admin-key"
    path.write_text("correct-horse-battery-staple")
    async with running(tmp_path / "state", admin_key_file=path) as access:
        found = access.ring.lookup(b"correct-horse-battery-staple")
        assert found is not None
        assert "admin" in found.scopes


async def test_a_database_that_is_away_leaves_the_gateway_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = SecretStr(f"postgresql://huiyan:hunter2@/none?host={tmp_path}")
    async with running(tmp_path, database_url=url) as access:
        assert not access.ring.loaded
        with pytest.raises(StoreError):
            await access.on_database(lambda db: db.snapshot())
        access.usage.finished(record())
    assert "cannot be used" in caplog.text
    assert "hunter2" not in caplog.text


async def test_a_database_that_is_silent_counts_as_away_before_it_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question to a host that is gone fails seconds later; nobody is called wrong until then."""
    monkeypatch.setattr(module, "_SILENT_S", 0.2)
    answering = threading.Event()
    answering.set()
    revision = Database.revision

    def silent(self: Database) -> int:
        answering.wait(60)
        return revision(self)

    monkeypatch.setattr(Database, "revision", silent)
    async with running(tmp_path, database_url=SecretStr(f"sqlite:///{tmp_path / 'keys.db'}")) as access:

        async def stands(source: Source) -> bool:
            return access.ring.source is source

        await eventually(lambda: stands(Source.HERE))
        answering.clear()
        try:
            await eventually(lambda: stands(Source.AWAY), timeout_s=30)
        finally:
            answering.set()
        await eventually(lambda: stands(Source.HERE), timeout_s=30)


async def test_without_a_place_nothing_is_kept() -> None:
    async with running(None) as access:
        access.usage.finished(record())
        await access.usage.flush()
        with pytest.raises(StoreError):
            await access.on_database(lambda db: db.snapshot())


def test_the_databases_library_is_not_loaded_before_it_is_needed(tmp_path: Path) -> None:
    """A gateway without keys does not pay for them, in memory nor in time."""
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from huiyan.gateway.access.options import AccessOptions\n"
        "from huiyan.gateway.access.runtime import Access\n"
        "from huiyan.gateway.access import caller, door\n"
        "async def main():\n"
        "    options = AccessOptions.model_validate({})\n"
        "    access = Access(options, host='127.0.0.1', port=1, state_dir=Path(sys.argv[1]))\n"
        "    access.start()\n"
        "    await access.loaded()\n"
        "    await access.close()\n"
        "asyncio.run(main())\n"
        "loaded = {name for name in ('sqlite3', 'limits', 'redis', 'psycopg') if name in sys.modules}\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        check=True,
        timeout=120,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    )


async def test_word_through_redis_is_quicker_than_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With polling out of the way: a key made at one gateway is known at the other, and its end as well."""
    monkeypatch.setattr(module, "_POLL_S", 3600.0)
    with servers.redis() as limits_url:
        shared = {"database_url": f"sqlite:///{tmp_path / 'keys.db'}", "limits_url": limits_url}
        async with running(tmp_path, **shared) as one, running(tmp_path, **shared) as other:

            async def listening() -> bool:
                assert other._notices is not None
                counted = await asyncio.to_thread(other._notices._client.pubsub_numsub, CHANNEL)
                return bool(counted[0][1] == 2)

            await eventually(listening)
            issued, secret = await one.on_database(lambda db: issue_key(db, name="a", scopes=["chat"]))
            await one.reload()

            async def known() -> bool:
                return other.ring.lookup(secret.encode()) is not None

            async def unknown() -> bool:
                return other.ring.lookup(secret.encode()) is None

            await eventually(known)
            await one.on_database(lambda db: db.revoke_key(issued.id))
            await one.reload()
            await eventually(unknown)
