"""A disk that fills up: the fetch stops cleanly, what is there is kept, and the next run goes on from it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from huiyan.store.snapshots import Store
from tests.support.models import MODEL_ID, files_of, tree_bytes

BIG_BYTES = 3_000_000
_MOUNTER = ["unshare", "--user", "--map-root-user", "--mount"]
_ROOT = Path(__file__).parent.parent.parent

#: Fetches a model in pieces; says what it wrote, and how it ended.
_PULL = """
import json, sys
from pathlib import Path
from huiyan.errors import HuiyanError
from huiyan.store import partial
from huiyan.store.snapshots import Store
from tests.support.models import fetch, files_of
written = 0
write = partial.Partial.write
def counted(self, offset, data):
    global written
    write(self, offset, data)
    written += len(data)
partial.Partial.write = counted
try:
    fetch(Store(Path(sys.argv[1])), files_of(1, big_bytes=int(sys.argv[2])))
    end = "done"
except HuiyanError as error:
    end = error.code
print(json.dumps({"end": end, "written": written}))
"""


def pull(root: Path, *, prefix: tuple[str, ...] = (), limit_bytes: int | None = None) -> dict[str, Any]:
    def limited() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    done = subprocess.run(
        [*prefix, sys.executable, "-c", _PULL, str(root), str(BIG_BYTES)],
        cwd=_ROOT,
        check=True,
        capture_output=True,
        timeout=120,
        preexec_fn=limited if limit_bytes is not None else None,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_no_file_may_grow_beyond_a_limit(tmp_path: Path) -> None:
    total = sum(map(len, files_of(1, big_bytes=BIG_BYTES).values()))
    first = pull(tmp_path, limit_bytes=1_000_000)
    assert first["end"] == "disk_full"
    assert 0 < first["written"] < total
    store = Store(tmp_path)
    assert store.models() == []
    assert store.verify(deep=True, mark=False) == []
    second = pull(tmp_path)
    assert second == {"end": "done", "written": total - first["written"]}
    check_end(store)


def can_mount() -> bool:
    words = [*_MOUNTER, "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(words, capture_output=True, check=False, timeout=30).returncode == 0
    except OSError:
        return False


def test_a_small_disk_that_is_full(tmp_path: Path) -> None:
    """A file system of 2 MiB for a model of 4.5; then it is made larger."""
    if not can_mount():
        pytest.skip("this machine lets nobody mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = """
set -e
mount -t tmpfs -o size=2m none "$1"
"$2" -c "$3" "$1/store" "$4"
"$2" -c "$3" "$1/store" "$4"
mount -o remount,size=64m "$1"
"$2" -c "$3" "$1/store" "$4"
cp -a "$1/store" "$5"
"""
    words = [sys.executable, _PULL, str(BIG_BYTES), str(tmp_path / "after")]
    done = subprocess.run(
        [*_MOUNTER, "sh", "-c", script, "sh", str(disk), *words],
        cwd=_ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    first, second, third = map(json.loads, done.stdout.splitlines())
    total = sum(map(len, files_of(1, big_bytes=BIG_BYTES).values()))
    assert first["end"] == second["end"] == "disk_full"
    assert third == {"end": "done", "written": total - first["written"] - second["written"]}
    assert first["written"] > 1_000_000
    check_end(Store(tmp_path / "after"))


def check_end(store: Store) -> None:
    current = store.current(MODEL_ID)
    assert current is not None
    assert tree_bytes(current.tree) == files_of(1, big_bytes=BIG_BYTES)
    store.gc()
    assert not any(store.layout.partial.iterdir())
    assert store.verify(deep=True) == []
