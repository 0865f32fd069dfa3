"""What updates did, written before it is done: after a kill at any moment it is known how things stand.

One JSON line for each step, synced before the step begins. A line that a kill cut short is no line: whatever
it announced had not begun.
"""

from __future__ import annotations

import enum
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from huiyan.errors import DiskFullError, HuiyanError, UpdateError
from huiyan.messages import Text, in_both, refusal

_MAX_LINE_BYTES: Final = 16 * 1024
#: A character takes up to six bytes as JSON, and there are two languages.
_DETAIL_CHARS: Final = 1000


class Step(enum.StrEnum):
    """planned → staging → switching → proving → committed; or → rolling_back → rolled_back.

    planned, staging: nothing that runs has changed. switching, proving: perhaps it has; a kill here is undone
    at the next start. committed, rolled_back, abandoned: the end.
    """

    PLANNED = "planned"
    STAGING = "staging"
    SWITCHING = "switching"
    PROVING = "proving"
    COMMITTED = "committed"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    ABANDONED = "abandoned"


#: After these, an update needs nothing any more.
ENDS: Final = frozenset({Step.COMMITTED, Step.ROLLED_BACK, Step.ABANDONED})
#: A kill during one of these may have left the new state in place.
_TOUCHED: Final = frozenset({Step.SWITCHING, Step.PROVING, Step.ROLLING_BACK})


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One step of one update. before, after: digests of the component's states; "" where there was none.

    detail: in English, detail_zh: in Chinese. unproven: committed while nothing ran, so that the next start
    has to examine what it brought.
    """

    update: str
    step: Step
    component: str
    kind: str
    version: str
    before: str
    after: str
    at_unix_s: float
    detail: str = ""
    detail_zh: str = ""
    unproven: bool = False

    @property
    def ended(self) -> bool:
        return self.step in ENDS

    @property
    def touched(self) -> bool:
        return self.step in _TOUCHED


class Journal:
    """An append-only file; one process writes at a time (whoever holds the update lock)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> Iterator[Entry]:
        """All whole lines, oldest first. Raises: UpdateError when the file cannot be read."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise refusal(
                UpdateError, "component.journal_unreadable", path=self._path, reason=error.strerror
            ) from error
        for line in data.split(b"\n")[:-1]:  # what follows the last newline was cut short
            try:
                yield msgspec.json.decode(line, type=Entry)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise refusal(
                    UpdateError,
                    "component.journal_damaged",
                    path=self._path,
                    reason=error,
                    name=self._path.name,
                ) from error

    def latest(self) -> dict[str, Entry]:
        """The last step of every update, by its id, oldest first."""
        found: dict[str, Entry] = {}
        for entry in self.entries():
            found.pop(entry.update, None)
            found[entry.update] = entry
        return found

    def unfinished(self) -> list[Entry]:
        """Updates that a kill left without an end, newest first: the order in which they are undone."""
        return [entry for entry in reversed(self.latest().values()) if not entry.ended]

    def begin(self, *, component: str, kind: str, version: str, before: str, after: str) -> Entry:
        """Announce an update. Raises: DiskFullError, UpdateError."""
        entry = Entry(
            update=secrets.token_hex(8),
            step=Step.PLANNED,
            component=component,
            kind=kind,
            version=version,
            before=before,
            after=after,
            at_unix_s=time.time(),
        )
        self._append(entry)
        return entry

    def unproven(self, component: str) -> Entry | None:
        """The commit of the component that nobody has examined yet. Raises: UpdateError.

        `before` is a state that was examined, or served, however many commits lie between.
        """
        commits = [
            entry
            for entry in self.latest().values()
            if entry.component == component and entry.step is Step.COMMITTED
        ]
        if not commits or not commits[-1].unproven:
            return None
        before = commits[-1].before
        for earlier in reversed(commits[:-1]):
            if earlier.unproven and earlier.after == before:
                before = earlier.before
        return msgspec.structs.replace(commits[-1], before=before)

    def note(
        self,
        entry: Entry,
        step: Step,
        *,
        after: str | None = None,
        detail: Text | str = "",
        unproven: bool = False,
    ) -> Entry:
        """Announce the next step; on disk when this returns. Raises: DiskFullError, UpdateError."""
        english, chinese = in_both(detail)
        following = msgspec.structs.replace(
            entry,
            step=step,
            at_unix_s=time.time(),
            detail=english[:_DETAIL_CHARS],
            detail_zh=chinese[:_DETAIL_CHARS],
            unproven=unproven,
            after=entry.after if after is None else after,
        )
        self._append(following)
        return following

    def _append(self, entry: Entry) -> None:
        line = msgspec.json.encode(entry) + b"\n"
        assert len(line) <= _MAX_LINE_BYTES
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            kind: type[HuiyanError] = DiskFullError if error.errno in (28, 122) else UpdateError
            raise refusal(kind, "component.journal_write", path=self._path, reason=error.strerror) from error

    def _write(self, descriptor: int, line: bytes) -> None:
        """Behind the last whole line: a line that a kill cut short goes."""
        size_bytes = os.fstat(descriptor).st_size
        new = size_bytes == 0
        tail_start = max(0, size_bytes - _MAX_LINE_BYTES)
        tail = os.pread(descriptor, size_bytes - tail_start, tail_start)
        end = tail_start + tail.rfind(b"\n") + 1
        if end < size_bytes:
            os.ftruncate(descriptor, end)
        written = os.pwrite(descriptor, line, end)
        if written != len(line):
            os.ftruncate(descriptor, end)
            raise OSError(28, os.strerror(28))
        os.fsync(descriptor)
        if new:
            directory = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
