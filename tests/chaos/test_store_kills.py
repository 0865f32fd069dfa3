"""A store whose processes are killed at random system calls and moments: always whole, old or new.

`just store-kills 500` does as many; CI does sixty.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from huiyan.store.snapshots import Store
from tests.support.models import MODEL_ID, fetch, files_of, lock_of, tree_bytes
from tests.support.store_killer import BIG_BYTES, Killer

KILL_POINTS = int(os.environ.get("TEST_HUIYAN_STORE_KILLS", "60"))
#: The same points each time in CI; new ones where many are asked for.
SEED = 5 if KILL_POINTS == 60 else None

#: Of an operation: the states (current, previous) that a kill may leave; the last one is where it ends.
#: Numbers are versions of the model, 0 is none.
OPERATIONS: dict[str, list[tuple[int, int]]] = {
    "pull": [(0, 0), (1, 0)],
    "update": [(1, 0), (2, 1)],
    "gc": [(2, 1)],
    "switch": [(2, 1), (3, 2)],
    "rollback": [(2, 1), (1, 2)],
    "rm": [(2, 1), (0, 0)],
    "verify": [(2, 1)],
    "export-tar": [(2, 1)],
    "export-directory": [(2, 1)],
    "import": [(0, 0), (2, 0)],
}
MEMORY = Path("/dev/shm")
VERSIONS = {version: files_of(version, big_bytes=BIG_BYTES) for version in (1, 2, 3)}
DIGESTS = {lock_of(files).digest(): version for version, files in VERSIONS.items()}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with Killer() as killer:
        yield killer


@pytest.fixture(scope="module")
def plan(killer: Killer) -> Iterator[Plan]:
    # A SIGKILL takes nothing from the page cache, so a file system in memory shows the same in less time.
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        root = Path(folder)
        yield Plan(killer, {operation: _begin(operation, root / operation) for operation in OPERATIONS}, root)


def _begin(operation: str, root: Path) -> Path:
    root.mkdir()
    store = Store(root / "store")
    if operation == "import":
        other = Store(root / "other")
        fetch(other, VERSIONS[2])
        other.export([MODEL_ID], root / "models.tar")
        shutil.rmtree(root / "other")
    elif operation == "update":
        fetch(store, VERSIONS[1])
    elif operation != "pull":
        if operation == "gc":
            fetch(store, VERSIONS[3])
            store.blobs.create(b"nobody's")
            store.blobs.open_partial("0" * 64, 1000).abandon()
        fetch(store, VERSIONS[1])
        fetch(store, VERSIONS[2])
    if operation == "switch":
        for data in VERSIONS[3].values():
            store.blobs.create(data)
        store.compose(lock_of(VERSIONS[3]))
    if operation == "verify":
        blob = store.blobs.path(store.blobs.create(b"damaged by the disk"))
        blob.chmod(0o644)
        blob.write_bytes(b"Damaged by the disk")
    return root


class Plan:
    """When each process is killed: two thirds by system call, one third by the clock."""

    def __init__(self, killer: Killer, beginnings: dict[str, Path], folder: Path) -> None:
        self.killer = killer
        self.beginnings = beginnings
        self.folder = folder
        self.tally: Counter[str] = Counter()
        self.runs = {operation: self._count(operation) for operation in OPERATIONS}
        self.points = list(self._points(random.Random(SEED)))

    def _count(self, operation: str) -> dict[str, Any]:
        """A run of the operation to its end: how many calls it makes, and how long it takes."""
        run = self.killer.run(operation, copied(self.beginnings[operation], self.folder / "count"))
        assert run["code"] == 0, run
        assert run["calls"] > 3
        return run

    def _points(self, rng: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
        # Each operation has its share; no call is taken twice before all were.
        calls: dict[str, list[int]] = {operation: [] for operation in OPERATIONS}
        for number in range(KILL_POINTS):
            operation = list(OPERATIONS)[number % len(OPERATIONS)]
            run, left = self.runs[operation], calls[operation]
            if number // len(OPERATIONS) % 3 == 2:
                yield operation, {"after_s": rng.uniform(0, run["took_s"] * 1.2)}
                continue
            if not left:
                left += rng.sample(range(1, run["calls"] + 1), run["calls"])
            yield operation, {"number": left.pop(), "how": rng.choice(["before", "torn"])}

    def kill(self, operation: str, when: dict[str, Any]) -> None:
        """One process killed, and everything that must be true afterwards."""
        root = copied(self.beginnings[operation], self.folder / "killed")
        answer = self.killer.run(operation, root, **when)
        assert answer["killed"] or answer["code"] == 0, answer
        state, end = check_whole(root, operation), OPERATIONS[operation][-1]
        self.tally["died"] += answer["killed"]
        self.tally["old"] += state == OPERATIONS[operation][0]
        self.tally["new"] += state == end
        # A rollback that is done goes forward again when it is done once more.
        if operation != "rollback" or state != end:
            again = self.killer.run(operation, root)
            assert again["code"] == 0, again
        assert check_whole(root, operation) == end
        check_nothing_unreachable(root, end)
        assert not list(root.glob(".*.unfinished"))
        assert len(list(root.glob("models*"))) == operation.startswith(("export", "import"))


def copied(beginning: Path, to: Path) -> Path:
    """With its hard links."""
    shutil.rmtree(to, ignore_errors=True)
    subprocess.run(["cp", "-a", str(beginning), str(to)], check=True, timeout=60)
    return to


def state_of(root: Path) -> tuple[int, int]:
    """(current, previous) as versions, once everything that they name is known to be whole."""
    store = Store(root / "store")
    current, previous = store.current(MODEL_ID), store.previous(MODEL_ID)
    for snapshot in (current, previous):
        if snapshot is not None:
            assert tree_bytes(snapshot.tree) == VERSIONS[DIGESTS[snapshot.digest]]
    return (
        0 if current is None else DIGESTS[current.digest],
        0 if previous is None else DIGESTS[previous.digest],
    )


def check_whole(root: Path, operation: str) -> tuple[int, int]:
    """What must be true whenever the process died. Returns the state."""
    for path in (root / "store" / "blobs").rglob("*"):
        if path.is_file():
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            assert found == path.name or (operation == "verify" and path.stat().st_size == 19)
    state = state_of(root)
    assert state in OPERATIONS[operation]
    for archive in root.glob("models*"):
        # What stands under its name is whole.
        with tempfile.TemporaryDirectory(dir=root) as folder:
            (snapshot,) = Store(Path(folder)).import_archive(archive)
            assert tree_bytes(snapshot.tree) == VERSIONS[2]
    if operation != "verify":
        assert Store(root / "store").verify(deep=True, mark=False) == []
    return state


def check_nothing_unreachable(root: Path, state: tuple[int, int]) -> None:
    """After a gc there is what the state needs, and nothing else."""
    store = Store(root / "store")
    store.gc()
    needed = [VERSIONS[version] for version in state if version]
    digests = {hashlib.sha256(data).hexdigest() for files in needed for data in files.values()}
    assert set(store.blobs.all()) == digests
    layout = store.layout
    wanted = {lock_of(files).digest() for files in needed}
    assert {path.name for path in layout.snapshots.glob("*")} == wanted
    for folder in (layout.partial, layout.tmp, layout.damaged, layout.pins, layout.locks / "partial"):
        assert not list(folder.glob("*")), folder
    if not needed:
        assert not list(layout.models.glob("*"))
    assert store.verify(deep=True) == []


@pytest.mark.parametrize("number", range(KILL_POINTS))
def test_killed_anywhere_the_store_is_whole(plan: Plan, number: int) -> None:
    operation, when = plan.points[number]
    try:
        plan.kill(operation, when)
    except AssertionError as error:
        raise AssertionError(f"{operation}, killed at {when}: {error}") from error


def test_they_were_killed(plan: Plan) -> None:
    """After the points above; the processes that did not die were through before their moment came."""
    assert plan.tally["died"] > KILL_POINTS // 2
    assert plan.tally["old"]
    assert plan.tally["new"]


@pytest.mark.parametrize("operation", ["switch", "rollback"])
def test_killed_at_each_call_of_a_switch(plan: Plan, operation: str) -> None:
    for number in range(1, plan.runs[operation]["calls"] + 1):
        for how in ("before", "torn"):
            try:
                plan.kill(operation, {"number": number, "how": how})
            except AssertionError as error:
                raise AssertionError(f"{operation}, killed {how} call {number}: {error}") from error
