"""The vision encoder of the model that is served: another snapshot of the model in the store."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from huiyan import nano
from huiyan.errors import ComponentMismatchError, HuiyanError
from huiyan.launcher import nano_files
from huiyan.launcher.model_files import find_pair
from huiyan.launcher.updates.component import How, OnBytes, Plan
from huiyan.launcher.updates.staging import ThreadStaging
from huiyan.messages import refusal
from huiyan.store.compose import Snapshot
from huiyan.store.names import same_but_for_case
from huiyan.store.snapshots import Store
from huiyan.updates.feed import Component
from huiyan.updates.place import Place
from huiyan.updates.projector import ProjectorStaging
from huiyan.updates.transaction import Staging
from huiyan.updates.vision import VisionStaging

NAME: Final = "vision-encoder"


class VisionHost(Protocol):
    """The running engine, as this component sees it."""

    def expects(self, snapshot: Snapshot) -> tuple[How, float | None]:
        """How it would change over to a snapshot like this one, and seconds of waiting for new requests."""

    async def serve(self, snapshot: Snapshot) -> float:
        """Serve this snapshot; nothing happens when it does. Returns for how many seconds requests waited.

        Raises: HuiyanError; then it serves what it served before.
        """

    async def prove(self, snapshot: Snapshot) -> None:
        """Ask about a picture through the gateway. Raises: HuiyanError."""


class VisionTarget:
    """A state is the digest of a snapshot; which model it belongs to, the snapshot itself says."""

    name = NAME
    kind = NAME

    def __init__(self, store: Store, model_id: str, host: VisionHost | None) -> None:
        self._store = store
        self._model_id = model_id
        self._host = host
        self.pause_s: float | None = None

    def active(self) -> str:
        if self._model_id == nano.STORE_ID:
            here = nano_files.updated(self._store.layout.root)
            return nano_files.built_in().digest() if here is None else here.digest
        snapshot = self._store.current(self._model_id)
        return "" if snapshot is None else snapshot.digest

    def select(self, state: str) -> None:
        if state == nano_files.built_in().digest() and not self.has(state):
            if self._store.resolve_name(nano.STORE_ID) is not None:
                nano_files.restore(self._store)
            return
        snapshot = self._store.snapshot(state)
        self._store.switch(snapshot.id, state)

    def has(self, state: str) -> bool:
        try:
            self._store.snapshot(state)
        except HuiyanError:
            return False
        return True

    async def apply(self, state: str) -> None:
        if self._host is not None:
            self.pause_s = await self._host.serve(self._store.snapshot(state))

    async def prove(self, state: str) -> None:
        if self._host is not None:
            await self._host.prove(self._store.snapshot(state))


class VisionEncoder:
    """`Replaceable`. model_id: in the store, in exact case. host: None while nothing runs."""

    name = NAME
    kind = NAME

    def __init__(self, store_dir: Path, model_id: str, *, host: VisionHost | None) -> None:
        self._store_dir = store_dir
        self._model_id = model_id
        self._host = host
        self.target = VisionTarget(Store(store_dir), model_id, host)

    @property
    def pause_s(self) -> float | None:
        return self.target.pause_s

    def version_of(self, state: str) -> str | None:
        if self._model_id == nano.STORE_ID and state == nano_files.built_in().digest():
            return "built-in"
        return None

    def has(self, state: str) -> bool:
        if self._model_id == nano.STORE_ID and state == nano_files.built_in().digest():
            return True
        return self.target.has(state)

    def plan(self, release: Component, place: Place) -> Plan:
        self._check_model(release)
        store = Store(self._store_dir)
        fetched = sum(
            file.size_bytes for file in release.files if not store.blobs.has(file.sha256, file.size_bytes)
        )
        here = store.current(self._model_id)
        if here is None:  # nano as it comes with huiyan
            ProjectorStaging(
                store, release, place, here=lambda: nano_files.in_store(store), replaced=_projector
            ).check(nano.MMPROJ_PATH)
            size_bytes = sum(file.size_bytes for file in nano_files.built_in().files)
            kept_bytes = size_bytes - nano.MMPROJ_PATH.stat().st_size
        elif _is_gguf(here):
            staging = ProjectorStaging(store, release, place, here=lambda: here, replaced=_projector)
            projector = here.tree / _projector(here.tree)
            staging.check(projector)
            kept_bytes = here.size_bytes - projector.stat().st_size
        else:
            change = VisionStaging(store, release, place).plan()
            kept_bytes = here.size_bytes - change.moved_bytes
        how: How = "next_start"
        pause_s: float | None = 0.0
        if self._host is not None:
            how, pause_s = self._host.expects(nano_files.as_snapshot() if here is None else here)
        return Plan(download_bytes=fetched, kept_bytes=kept_bytes, pause_s=pause_s, how=how)

    def staging(self, release: Component, place: Place, on_bytes: OnBytes) -> Staging:
        def make(told: OnBytes) -> str:
            self._check_model(release)
            store = Store(self._store_dir)
            here = store.current(self._model_id)
            if self._model_id == nano.STORE_ID:
                here = nano_files.in_store(store)
            if here is None or _is_gguf(here):
                return ProjectorStaging(
                    store,
                    release,
                    place,
                    here=lambda: here or nano_files.in_store(store),
                    replaced=_projector,
                    on_bytes=told,
                ).run()
            return VisionStaging(store, release, place, on_bytes=told).run()

        return ThreadStaging(make, on_bytes)

    def keep(self, states: tuple[str, ...]) -> None:
        """The store keeps the current and the previous snapshot; `huiyan models gc` removes the rest."""

    def _check_model(self, release: Component) -> None:
        if release.base is None or not same_but_for_case(release.base.model, self._model_id):
            raise refusal(
                ComponentMismatchError,
                "update.other_model",
                name=release.name,
                version=release.version,
                base="?" if release.base is None else release.base.model,
                model=self._model_id,
            )


def _is_gguf(snapshot: Snapshot) -> bool:
    return any(file.path.lower().endswith(".gguf") for file in snapshot.lock.files)


def _projector(tree: Path) -> str:
    """The projector that the engine loads, among those of a model. Raises: HuiyanError."""
    return find_pair(tree)[1].relative_to(tree).as_posix()
