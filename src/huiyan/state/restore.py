"""A backup made of what is here, and one put in its place.

The keys, the usage and the secret that they were hashed under change in one step: the new secret is laid
beside the old one first, then the tables change in one transaction, and whoever opens the database next
takes the secret that fits it (`Database`). A kill leaves the old state or the new one.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa

from huiyan import __version__
from huiyan.errors import BackupRefusedError
from huiyan.messages import refusal
from huiyan.state import FILE_NAME
from huiyan.state.backup import Backup, Manifest, collect, pack, read_tables, unpack, write_tables
from huiyan.state.connect import connect, translated
from huiyan.state.database import NEW_SECRET_NAME, SECRET_NAME, Database, adopt_new_secret
from huiyan.state.migrations import STEPS, migrate
from huiyan.state.schema import KEYS, META
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
#: What can be used as it lies there; the rest describes bytes that a backup does not hold.
_IN_PLACE: Final = ("huiyan.toml", "models.lock", "components/")
_SECRET: Final = "state/secret"  # noqa: S105 - a file's name
_SECRET_BYTES: Final = 32
#: Where files go that describe something to be fetched again, or that are here already and differ.
RESTORED: Final = "restored"
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
    before = _kept_before(path, data_dir, state_dir, url, replace=replace)
    with failures_of(state_dir):
        make_directory(state_dir)
        state_dir.chmod(0o700)
    # From here on a kill is safe: this file counts only once the database says that it is the right one.
    _write_private(state_dir / NEW_SECRET_NAME, secret)
    with (
        _opened(state_dir, url) as (engine, shown),
        translated(shown),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        write_tables(connection, backup.tables)
        check = ServerSecret(secret).check_value()
        connection.execute(META.delete().where(META.c.name == "secret_check"))
        connection.execute(META.insert().values(name="secret_check", value=check))
        grown = sa.cast(sa.cast(META.c.value, sa.BigInteger) + 1, sa.String(200))
        connection.execute(META.update().where(META.c.name == "access_revision").values(value=grown))
    adopt_new_secret(state_dir)
    in_place, aside = _place_files(backup, data_dir)
    return Restored(manifest=backup.manifest, in_place=in_place, aside=aside, before=before)


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
    with _opened(state_dir, url) as (engine, shown), translated(shown), engine.begin() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(KEYS)).scalar_one()
    if not count:
        return None
    if not replace:
        raise refusal(BackupRefusedError, "backup.keys_here", database=shown, count=count, path=path)
    kept = state_dir / BEFORE
    back_up(kept, data_dir=data_dir, state_dir=state_dir, url=url)
    return kept


@contextlib.contextmanager
def _opened(state_dir: Path, url: str | None) -> Iterator[tuple[sa.Engine, str]]:
    """The database without looking at its secret, which may be another one until it is replaced."""
    engine, shown, file = connect(url, state_dir / FILE_NAME)
    try:
        with translated(shown):
            migrate(engine, shown=shown, file=file)
        yield engine, shown
    finally:
        engine.dispose()


def _place_files(backup: Backup, data_dir: Path) -> tuple[list[str], list[str]]:
    """Nothing that is here is overwritten: what differs, or needs bytes that are not here, goes aside."""
    in_place: list[str] = []
    aside: list[str] = []
    for name, data in backup.files.items():
        if name == _SECRET:
            continue
        target = data_dir / name
        if name.startswith(_IN_PLACE) and not target.exists():
            _write_private(target, data)
            in_place.append(name)
        elif not (target.is_file() and target.read_bytes() == data):
            _write_private(data_dir / RESTORED / name, data)
            aside.append(f"{RESTORED}/{name}")
    return in_place, aside


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
