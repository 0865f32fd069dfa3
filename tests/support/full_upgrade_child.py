"""What the kill test of full upgrades kills: `python -m tests.support.full_upgrade_child DIRECTORY POINT`.

What both programs of an upgrade do to the disk, in one process: the journal, the migration of the database
with its copy, the pointer, and the removal of an old environment; real files, and nothing that runs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from huiyan.launcher.upgrade.handover import Program
from huiyan.launcher.upgrade.place import Place
from huiyan.settings.load import load
from huiyan.state import FILE_NAME, migrations
from huiyan.state.connect import connect
from huiyan.state.database import Database
from huiyan.state.pool import Connection
from huiyan.updates.journal import Step
from huiyan.updates.versions import KIND, MARKER, NAME, Installed, Versions
from tests.support.mortal import die_at

ORIGIN = "/the/first/python"
OLDEST, OLD, NEW = "0.1.0-aaaaaaaaaaaa", "0.2.0-bbbbbbbbbbbb", "0.3.0-cccccccccccc"


def _next_step(connection: Connection) -> None:
    connection.run("ALTER TABLE usage ADD COLUMN later BIGINT NOT NULL DEFAULT 0")


def prepare(data_dir: Path) -> None:
    """Three environments of which the second counts, and a database."""
    versions = Versions(data_dir)
    for number, state in enumerate((OLDEST, OLD, NEW)):
        python = versions.directory(state) / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)
        record = Installed(
            state=state,
            version=state.partition("-")[0],
            python=str(python),
            wheel_sha256="",
            lock_sha256="",
            made_unix_s=float(number),
        )
        (versions.directory(state) / MARKER).write_bytes(msgspec.json.encode(record))
    versions.select(OLD, origin=ORIGIN, origin_version="0.0.1")
    Database(data_dir / "state").close()


def migrate(data_dir: Path) -> None:
    """As the gateway of the new version does."""
    pool, file = connect(None, data_dir / "state" / FILE_NAME)
    migrations.migrate(pool, file=file, steps=(*migrations.STEPS, _next_step))
    pool.close()


def upgrade(data_dir: Path) -> None:
    place = Place(data_dir)
    place.recover(load({"data_dir": data_dir}))
    before = place.versions.active()
    if before == NEW:
        return
    entry = place.journal.begin(component=NAME, kind=KIND, version="0.3.0", before=before, after="")
    entry = place.journal.note(entry, Step.STAGING)
    entry = place.journal.note(entry, Step.SWITCHING, after=NEW)
    entry = place.journal.note(entry, Step.PROVING)
    migrate(data_dir)
    place.commit(entry, before=Program(python=ORIGIN, arguments=[], version="0.2.0"))


def main() -> None:
    data_dir = Path(sys.argv[1])
    seen = die_at(int(sys.argv[2]))
    upgrade(data_dir)
    sys.stdout.write(str(seen()))


if __name__ == "__main__":
    main()
