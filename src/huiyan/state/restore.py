"""A backup made of what is here, and one put in its place.

Keys, usage, the secret that they were hashed under and all files change in one step, which is the commit of
one transaction. The new secret and the files are laid ready first (`placing`); after the commit they are put
in place, by this command, or after a kill by `settle` in the next one. A kill leaves the old or the new.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from huiyan import __version__
from huiyan.errors import BackupRefusedError
from huiyan.messages import refusal
from huiyan.state import FILE_NAME, placing
from huiyan.state.backup import Manifest, collect, pack, read_tables, unpack, write_tables
from huiyan.state.connect import connect
from huiyan.state.database import GROW_REVISION, NEW_SECRET_NAME, SECRET_NAME, Database, adopt_new_secret
from huiyan.state.migrations import STEPS, migrate
from huiyan.state.pool import Pool
from huiyan.state.schema import META
from huiyan.state.secret import ServerSecret
from huiyan.store.durable import failures_of, make_directory, new_file, sync_directory

#: Below the data directory: settings, components and their journal, what tools are installed and what they
#: may do, and the locks of the models, with which `huiyan models pull` fetches the same bytes again.
FILES: Final = (
    "huiyan.toml",
    "models.lock",
    "components/**/*",
    "updates/**/*",
    "tools/*/grants.json",
    "tools/*/*/record.json",
    "tools/*/*/huiyan-tool.toml",
    "tools/*/*/requirements.lock",
    "models/snapshots/*/lock.toml",
    "models/models/*/history.jsonl",
)
_SECRET: Final = "state/secret"  # noqa: S105 - a file's name
_SECRET_BYTES: Final = 32
#: In the database's table `meta`: the token of the last restore.
_TOKEN: Final = "restored"  # noqa: S105 - a row's name
BEFORE: Final = "before-restore.huiyan-backup"


class Restored(msgspec.Struct, frozen=True):
    """in_place, aside: paths below the data directory. before: a backup of what was replaced."""

    manifest: Manifest
    in_place: list[str]
    aside: list[str]
    before: Path | None


def back_up(path: Path, *, data_dir: Path, state_dir: Path, url: str | None) -> Manifest:
    """Write a backup, mode 0600; gateways may run meanwhile. Raises: StoreError, SettingsError."""
    database = Database(state_dir, url=url)
    try:
        data = _packed(database, data_dir, state_dir)
    finally:
        database.close()
    _write_private(path, data)
    # Read again from the disk: a backup that cannot be read is found now and not when it is needed.
    return unpack(path, schema_version=len(STEPS)).manifest


def restore(path: Path, *, data_dir: Path, state_dir: Path, url: str | None, replace: bool) -> Restored:
    """Put a backup in place; nothing is touched before all of it is verified.

    replace: also where keys are here already; a backup of them is written beside first.
    Raises: BackupRefusedError, StoreError, SettingsError.
    """
    backup = unpack(path, schema_version=len(STEPS))
    secret = backup.files.get(_SECRET, b"")
    if len(secret) != _SECRET_BYTES:
        raise refusal(BackupRefusedError, "backup.damaged", path=path, member=f"files/{_SECRET}")
    settle(data_dir=data_dir, state_dir=state_dir, url=url)
    before = _kept_before(path, data_dir, state_dir, url, replace=replace)
    with failures_of(state_dir):
        make_directory(state_dir)
        state_dir.chmod(0o700)
    # From here on a kill is safe: this counts only once the database says so.
    files = {name: data for name, data in backup.files.items() if name != _SECRET}
    plan = placing.lay_ready(data_dir, files)
    _write_private(state_dir / NEW_SECRET_NAME, secret)
    with _opened(state_dir, url) as pool, pool.transaction(writes=True) as connection:
        write_tables(connection, backup.tables)
        connection.run("DELETE FROM meta WHERE name = 'secret_check'")
        connection.run(META.insert(), ("secret_check", ServerSecret(secret).check_value()))
        connection.run("DELETE FROM meta WHERE name = ?", (_TOKEN,))
        connection.run(META.insert(), (_TOKEN, plan.token))
        connection.run(GROW_REVISION)
    adopt_new_secret(state_dir)
    placing.place(data_dir, plan)
    return Restored(manifest=backup.manifest, in_place=plan.in_place, aside=plan.aside, before=before)


def settle(*, data_dir: Path, state_dir: Path, url: str | None) -> bool | None:
    """End a restore that was killed: True: it counts now, False: it never was; None: there was none.

    Nobody else may restore or start meanwhile. Raises: BackupRefusedError, StoreError, SettingsError.
    """
    plan = placing.waiting(data_dir)
    if plan is None:
        return None
    with _opened(state_dir, url) as pool, pool.transaction() as connection:
        token: str | None = connection.value("SELECT value FROM meta WHERE name = ?", (_TOKEN,))
    counts = token == plan.token
    if counts:
        adopt_new_secret(state_dir)
        placing.place(data_dir, plan)
    else:
        with failures_of(state_dir):
            (state_dir / NEW_SECRET_NAME).unlink(missing_ok=True)
        placing.clear(data_dir)
    return counts


def _packed(database: Database, data_dir: Path, state_dir: Path) -> bytes:
    files = collect(data_dir, FILES)
    with failures_of(state_dir):
        files[_SECRET] = (state_dir / SECRET_NAME).read_bytes()
    with database.exporting() as connection:
        tables = read_tables(connection)
    return pack(tables, files, schema_version=len(STEPS), huiyan=__version__)


def _kept_before(
    path: Path, data_dir: Path, state_dir: Path, url: str | None, *, replace: bool
) -> Path | None:
    """A backup of the keys that are here; None: there are none. Raises: BackupRefusedError."""
    if url is None and not (state_dir / FILE_NAME).exists():
        return None
    with _opened(state_dir, url) as pool, pool.transaction() as connection:
        count = connection.value("SELECT count(*) FROM keys")
    if not count:
        return None
    if not replace:
        raise refusal(BackupRefusedError, "backup.keys_here", database=pool.shown, count=count, path=path)
    kept = state_dir / BEFORE
    back_up(kept, data_dir=data_dir, state_dir=state_dir, url=url)
    return kept


@contextlib.contextmanager
def _opened(state_dir: Path, url: str | None) -> Iterator[Pool]:
    """The database without looking at its secret, which may be another one until it is replaced."""
    pool, file = connect(url, state_dir / FILE_NAME)
    try:
        migrate(pool, file=file)
        yield pool
    finally:
        pool.close()


def _write_private(path: Path, data: bytes) -> None:
    """In one step, with mode 0600. Raises: DiskFullError, StoreError."""
    made = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    with failures_of(path):
        make_directory(path.parent)
        try:
            new_file(made, data, 0o600)
            made.replace(path)
        finally:
            made.unlink(missing_ok=True)
        sync_directory(path.parent)
