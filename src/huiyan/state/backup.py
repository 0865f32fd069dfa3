"""Server state as one file: written from a running system, read into an empty or another database.

A gzip'd tar of small members; `manifest.json` is the first and names all others with their size and SHA-256:

    manifest.json          format, schema_version, tables with their row counts, files with size and digest
    tables/NAME.jsonl      one row a line, columns by name, bytes as {"base64": …}
    files/…                files of the data directory, by their path below it

Tables are written row by row and not as a copy of a file, so that a backup of SQLite goes into
PostgreSQL and the other way round. Everything is verified before anything is touched. The file holds the
server's secret: it is as secret as the keys.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import tarfile
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from huiyan.errors import BackupRefusedError
from huiyan.messages import refusal
from huiyan.state.pool import Connection
from huiyan.state.schema import ENDED_SESSIONS, KEYS, USAGE, Table

FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
#: State is small; a member beyond this is none of ours.
_MAX_MEMBER_BYTES: Final = 512 * 1024 * 1024
_MAX_ALL_BYTES: Final = 1024 * 1024 * 1024
_MAX_MEMBERS: Final = 20_000
#: In an order that they can be filled in.
TABLES: Final = (KEYS, USAGE, ENDED_SESSIONS)


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """Unknown fields are let pass: the format's number says what has to be understood."""

    format: int
    schema_version: int
    made_unix_s: int
    huiyan: str
    rows: dict[str, int]
    members: dict[str, Member]


class Backup(msgspec.Struct, frozen=True):
    """What a verified file holds. tables: rows by table and column. files: bytes by relative path."""

    manifest: Manifest
    tables: dict[str, list[dict[str, Any]]]  # Any: the columns' values
    files: dict[str, bytes]


def read_tables(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """All rows, of one moment: `connection` has to be in a transaction that sees a snapshot."""
    return {
        table.name: connection.rows(f"{table.select()} ORDER BY {', '.join(table.key)}") for table in TABLES
    }


def pack(
    tables: Mapping[str, list[dict[str, Any]]],
    files: Mapping[str, bytes],
    *,
    schema_version: int,
    huiyan: str,
) -> bytes:
    """The whole file. files: by their path below the data directory. huiyan: this program's version."""
    members = {f"tables/{name}.jsonl": _lines(rows) for name, rows in tables.items()}
    members |= {f"files/{name}": data for name, data in files.items()}
    manifest = Manifest(
        format=FORMAT,
        schema_version=schema_version,
        made_unix_s=int(time.time()),
        huiyan=huiyan,
        rows={name: len(rows) for name, rows in tables.items()},
        members={
            name: Member(size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in members.items()
        },
    )
    whole = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=whole, mode="wb", compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, data in ((_MANIFEST, msgspec.json.encode(manifest)), *members.items()):
            head = tarfile.TarInfo(name)
            head.size, head.mode = len(data), 0o600
            tar.addfile(head, io.BytesIO(data))
    return whole.getvalue()


def unpack(path: Path, *, schema_version: int) -> Backup:
    """Read and verify everything. schema_version: what this program knows.

    Raises: BackupRefusedError.
    """
    found = _members(path)
    try:
        manifest = msgspec.json.decode(found.pop(_MANIFEST), type=Manifest)
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refusal(BackupRefusedError, "backup.not_one", path=path) from error
    if manifest.format > FORMAT or manifest.schema_version > schema_version:
        raise refusal(BackupRefusedError, "backup.newer", path=path, version=manifest.huiyan)
    for name in sorted(found.keys() | manifest.members.keys()):
        data, member = found.get(name), manifest.members.get(name)
        if data is None or member is None or hashlib.sha256(data).hexdigest() != member.sha256:
            raise refusal(BackupRefusedError, "backup.damaged", path=path, member=name)
    tables: dict[str, list[dict[str, Any]]] = {}
    for table in TABLES:
        name = f"tables/{table.name}.jsonl"
        try:
            tables[table.name] = [_row(table, line) for line in found.get(name, b"").splitlines()]
        except (ValueError, TypeError, AttributeError) as error:
            raise refusal(BackupRefusedError, "backup.damaged", path=path, member=name) from error
    files = {name.removeprefix("files/"): data for name, data in found.items() if name.startswith("files/")}
    for name in files:
        if not safe_name(name):
            raise refusal(BackupRefusedError, "backup.damaged", path=path, member=repr(name))
    return Backup(manifest=manifest, tables=tables, files=files)


def safe_name(name: str) -> bool:
    """A relative path that stays where it is put."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\0" not in name


def write_tables(connection: Connection, tables: Mapping[str, list[dict[str, Any]]]) -> None:
    """Put these rows in the place of all there are; whole with the transaction of `connection`."""
    for table in TABLES:
        connection.run(f"DELETE FROM {table.name}")  # noqa: S608 - own names
        if rows := tables.get(table.name):
            connection.run_many(table.insert(), [[row.get(name) for name in table.names] for row in rows])


def _members(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    left = _MAX_ALL_BYTES
    try:
        with tarfile.open(path, mode="r|gz") as tar:
            for head in tar:
                left -= head.size
                too_much = head.size > _MAX_MEMBER_BYTES or left < 0 or len(found) >= _MAX_MEMBERS
                if too_much or not head.isreg() or head.name in found:
                    raise refusal(BackupRefusedError, "backup.not_one", path=path)
                file = tar.extractfile(head)
                found[head.name] = b"" if file is None else file.read()
    except OSError as error:
        if error.errno is not None:
            reason = error.strerror or ""
            raise refusal(BackupRefusedError, "backup.unreadable", path=path, reason=reason) from error
        raise refusal(BackupRefusedError, "backup.not_one", path=path) from error
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise refusal(BackupRefusedError, "backup.not_one", path=path) from error
    return found


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(
        msgspec.json.encode({name: _plain(value) for name, value in row.items()}) + b"\n" for row in rows
    )


def _plain(value: Any) -> Any:  # Any: of a column
    return {"base64": base64.b64encode(value).decode("ascii")} if isinstance(value, bytes) else value


def _row(table: Table, line: bytes) -> dict[str, Any]:
    """Raises: ValueError and its like for what is no row of `table`."""
    row: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
    columns = {column.name: column for column in table.columns}
    if not row.keys() <= columns.keys():
        raise ValueError(f"{table.name} has no such column")
    for name, value in row.items():
        wanted = columns[name].python_type
        if isinstance(value, dict):
            value = row[name] = base64.b64decode(value["base64"], validate=True)  # noqa: PLW2901 - decoded
        if value is not None and (not isinstance(value, wanted) or isinstance(value, bool)):
            raise ValueError(f"{table.name}.{name} has another type")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError(f"{table.name}.{name} is no number that fits")
    if any(row.get(column.name) is None for column in table.columns if column.required):
        raise ValueError(f"{table.name} misses a column")
    return row


def collect(root: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The files below `root` that match the patterns `names`, symlinks left out."""
    found: dict[str, bytes] = {}
    for pattern in names:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and not path.is_symlink():
                # What is gone between listing and reading was not there.
                with contextlib.suppress(FileNotFoundError):
                    found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found
