"""Two processes that pull the same model at once; one is killed, the other goes on at once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from huiyan.store.snapshots import Store
from tests.support.models import MODEL_ID, files_of, tree_bytes

PAIRS = 4
BIG_BYTES = 600_000
_ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.slow

#: A pull that writes down every piece that it fetched, and takes its time for each.
_PULL = """
import sys, time
from pathlib import Path
from huiyan.store import partial
from huiyan.store.snapshots import Store
from tests.support.models import fetch, files_of
write = partial.Partial.write
def slow(self, offset, data):
    write(self, offset, data)
    time.sleep(0.01)
    print(self.sha256, offset, len(data), flush=True)
partial.Partial.write = slow
print("ready", flush=True)
sys.stdin.readline()
fetch(Store(Path(sys.argv[1])), files_of(1, big_bytes=int(sys.argv[2])))
"""


def start(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _PULL, str(root), str(BIG_BYTES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def check(root: Path) -> None:
    store = Store(root)
    current = store.current(MODEL_ID)
    assert current is not None
    assert tree_bytes(current.tree) == files_of(1, big_bytes=BIG_BYTES)
    assert store.verify(deep=True) == []


def test_two_pulls_are_one_download(tmp_path: Path) -> None:
    both = [start(tmp_path), start(tmp_path)]
    for process in both:
        go(process)
    pieces = [line for process in both for line in process.communicate(timeout=120)[0].splitlines()]
    assert [process.returncode for process in both] == [0, 0]
    assert len(pieces) == len(set(pieces))
    fetched = sum(int(line.split()[2]) for line in pieces)
    assert fetched == sum(map(len, files_of(1, big_bytes=BIG_BYTES).values()))
    check(tmp_path)


def test_the_holder_is_killed_and_the_other_goes_on(tmp_path: Path) -> None:
    """gpustack 3054: a lock that its dead holder left blocks everybody."""
    rng = random.Random(3)
    for number in range(PAIRS):
        root = tmp_path / str(number)
        first, second = start(root), start(root)
        go(first)
        assert first.stdout is not None
        assert first.stdout.readline()
        go(second)
        time.sleep(rng.uniform(0, 0.15))
        first.kill()
        _, _ = second.communicate(timeout=60)
        first.communicate(timeout=60)
        assert first.returncode in (-signal.SIGKILL, 0)
        assert second.returncode == 0
        check(root)
