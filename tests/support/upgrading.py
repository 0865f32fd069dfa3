"""`huiyan update --full` on a running huiyan, as a person types it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from huiyan.updates.journal import Entry, Journal
from tests.support.installation import Finished, Huiyan, huiyan_command
from tests.support.versions import empty_lock

#: Installing, rehearsing and taking over on a machine that does other things as well.
UPGRADE_TIMEOUT_S = 300.0


@dataclass
class Upgrading:
    huiyan: Huiyan

    def words(self, wheel: Path) -> list[str]:
        lock = empty_lock(wheel.parent)
        return ["update", "--full", "--wheel", str(wheel), "--requirements", str(lock), *self._common]

    @property
    def _common(self) -> list[str]:
        return ["--json", "--data-dir", str(self.huiyan.data_dir)]

    def run(self, wheel: Path) -> Finished:
        return self.huiyan.run(*self.words(wheel), timeout_s=UPGRADE_TIMEOUT_S)

    def begin(self, wheel: Path) -> subprocess.Popen[str]:
        """Without waiting for its end."""
        return subprocess.Popen(
            [str(huiyan_command()), *self.words(wheel)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.huiyan.environment,
            cwd=self.huiyan.home,
        )

    def roll_back(self, *more: str) -> Finished:
        words = ["update", "--rollback", "--component", "huiyan", *self._common, *more]
        return self.huiyan.run(*words, timeout_s=UPGRADE_TIMEOUT_S)

    def journal(self) -> Journal:
        return Journal(self.huiyan.data_dir / "updates" / "journal.jsonl")

    def last(self) -> Entry | None:
        """The last step of the last upgrade."""
        return next(reversed(self.journal().latest().values()), None)

    def selected(self) -> dict[str, Any] | None:
        pointer = self.huiyan.data_dir / "versions" / "selected.json"
        return msgspec.json.decode(pointer.read_bytes()) if pointer.exists() else None

    def version(self) -> str:
        """Of the one that runs."""
        return str(self.huiyan.report()["version"])
