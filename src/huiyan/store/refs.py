"""Which snapshot of a model is current, and which one was before it.

`current` is a link that one rename replaces: that rename is the switch. What was before stands in the
history, which is written first; the link `previous` repeats it for people and is put right afterwards.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from huiyan.errors import ModelNotInStoreError, StoreError
from huiyan.messages import refusal
from huiyan.store.durable import (
    failures_of,
    make_directory,
    move_away,
    remove,
    replace_symlink,
    sync_directory,
)
from huiyan.store.history import Entry, new_entry, read_history, settled, write_history
from huiyan.store.layout import Layout
from huiyan.store.locks import FileLock
from huiyan.store.names import check_model_id, is_sha256, model_id_of, same_but_for_case

_TARGET = "../../snapshots/"


class Refs:
    """on_wait: called while another process holds the lock that a change needs."""

    def __init__(self, layout: Layout, on_wait: Callable[[], None] | None = None) -> None:
        self._layout = layout
        self._on_wait = on_wait

    def ids(self) -> list[str]:
        """Models that have a directory here, in exact case."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(model_id_of(path.name) for path in self._layout.models.iterdir() if path.is_dir())
        return []

    def resolve(self, model_id: str) -> str | None:
        """The exact-case id of what is here under this name, whatever its case."""
        ids = self.ids()
        if model_id in ids:
            return model_id
        return next((known for known in ids if same_but_for_case(known, model_id)), None)

    def current(self, model_id: str) -> str | None:
        """A snapshot's digest; None when there is none, or the link leads elsewhere."""
        return self._current_of(self._layout.model(model_id))

    def previous(self, model_id: str) -> str | None:
        """What was current before, by the history; by the link where the history does not say."""
        current = self.current(model_id)
        if current is not None:
            entries = settled(self.history(model_id), current)
            if entries:
                return entries[-1].previous or None
        return _digest_in(self._layout.model(model_id) / "previous")

    def link(self, model_id: str, name: str) -> str | None:
        """The snapshot that the link `name` ("current" or "previous") says, if it is one of ours."""
        return _digest_in(self._layout.model(model_id) / name)

    def history(self, model_id: str) -> list[Entry]:
        """Oldest first; lines that were changed since they were written are left out."""
        return read_history(self._layout.model(model_id) / "history.jsonl")[0]

    def roots(self, model_id: str) -> set[str]:
        """Snapshots that must stay for this model: more rather than fewer where its links are damaged."""
        found = {self.current(model_id), self.previous(model_id)}
        if None in found:
            found.add(_digest_in(self._layout.model(model_id) / "previous"))
        link = self._layout.model(model_id) / "current"
        if self.current(model_id) is None and (link.is_symlink() or link.exists()):
            for entry in self.history(model_id)[-1:]:
                found |= {entry.digest, entry.previous}
        return {digest for digest in found if digest}

    def switch(self, model_id: str, digest: str, action: str = "switch") -> None:
        """Make `digest` current; what was current is what `rollback` goes back to. Once more is no change.

        Raises: ModelNotInStoreError, StoreError when a model is here that differs in case alone.
        """
        check_model_id(model_id)
        known = self.resolve(model_id)
        if known is not None and known != model_id:
            raise refusal(StoreError, "store.other_case", found=known, id=model_id)
        folder = self._layout.model(model_id)
        with self._locked(), failures_of(folder):
            if not self._layout.snapshot(digest).is_dir():
                raise refusal(ModelNotInStoreError, "store.no_snapshot", digest=digest[:12])
            make_directory(folder)
            self._settle(folder)
            current = self._current_of(folder)
            if current == digest:
                return
            entries = read_history(folder / "history.jsonl")[0]
            if current is None and entries:
                # The link was lost: what it said stands in the last line.
                current = entries[-1].digest if entries[-1].digest != digest else entries[-1].previous
            entries.append(new_entry(action, digest, current))
            write_history(folder / "history.jsonl", entries, tmp=self._layout.tmp)
            replace_symlink(folder / "current", _TARGET + digest, tmp=self._layout.tmp)
            self._settle(folder)

    def remove(self, model_id: str) -> None:
        """Forget the model; its snapshots stay for whoever collects them. Raises: ModelNotInStoreError."""
        folder = self._layout.model(model_id)
        with self._locked(), failures_of(folder):
            if not folder.is_dir():
                raise refusal(ModelNotInStoreError, "store.no_model", id=model_id)
            remove(move_away(folder, self._layout.tmp))

    def settle_locked(self, model_id: str) -> None:
        """Put in order what a kill in a switch left; for who holds the store's lock exclusively.

        Raises: OSError.
        """
        self._settle(self._layout.model(model_id))

    def _settle(self, folder: Path) -> None:
        current = self._current_of(folder)
        if current is None:
            return
        path = folder / "history.jsonl"
        entries, whole = read_history(path)
        kept = settled(entries, current)
        if not kept:
            previous = _digest_in(folder / "previous")
            kept = [new_entry("switch", current, None if previous == current else previous)]
        if kept != entries or not whole:
            write_history(path, kept, tmp=self._layout.tmp)
        wanted = kept[-1].previous
        if _digest_in(folder / "previous") != (wanted or None):
            if wanted:
                replace_symlink(folder / "previous", _TARGET + wanted, tmp=self._layout.tmp)
            else:
                (folder / "previous").unlink(missing_ok=True)
                sync_directory(folder)

    def _current_of(self, folder: Path) -> str | None:
        digest = _digest_in(folder / "current")
        return digest if digest is not None and self._layout.snapshot(digest).is_dir() else None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (
            FileLock(self._layout.store_lock, shared=True, on_wait=self._on_wait),
            FileLock(self._layout.refs_lock, on_wait=self._on_wait),
        ):
            yield


def _digest_in(link: Path) -> str | None:
    try:
        target = str(link.readlink())
    except OSError:
        return None
    digest = target.removeprefix(_TARGET)
    return digest if target.startswith(_TARGET) and is_sha256(digest) else None
