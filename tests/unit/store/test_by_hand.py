"""The commands of docs/concepts/store.md are run as they stand there, in both languages."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from huiyan.store.snapshots import Store
from tests.support.models import MODEL_ID, fetch, files_of, tree_bytes

_DOCS = Path(__file__).parent.parent.parent.parent / "docs" / "concepts"
BLOCKS = 7
CONFIG = files_of(2)["config.json"]

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("sha256sum") is None, reason="GNU tools"
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    fetch(store, files_of(1))
    fetch(store, files_of(2))
    return store


@pytest.fixture(params=["store.md", "store.zh-CN.md"])
def blocks(request: pytest.FixtureRequest) -> list[str]:
    found = re.findall(r"```sh\n(.*?)```", (_DOCS / request.param).read_text("utf-8"), re.DOTALL)
    assert len(found) == BLOCKS
    return found


def run(store: Store, block: str) -> str:
    """In the store, with the placeholders filled in for config.json of the current snapshot."""
    snapshot = store.current(MODEL_ID)
    assert snapshot is not None
    sha256 = snapshot.lock.file("config.json").sha256
    script = block.replace("blobs/sha256/ab/abcdef…", f"blobs/sha256/{sha256[:2]}/{sha256}")
    script = script.replace("blobs/sha256/ab ", f"blobs/sha256/{sha256[:2]} ")
    script = script.replace("OWNER--NAME", "Qwen--Tiny-VL")
    script = re.sub(r"^huiyan .*$", "", script, flags=re.MULTILINE)
    return subprocess.run(
        ["bash", "-euc", script],
        cwd=store.layout.root,
        env={"DIGEST": snapshot.digest, "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def blob_of_config(store: Store) -> Path:
    paths = (path for path in store.layout.blobs.rglob("*") if path.is_file())
    return next(path for path in paths if path.read_bytes() == CONFIG)


def test_damaged_blobs_are_listed(store: Store, blocks: list[str]) -> None:
    assert run(store, blocks[0]) == ""
    blob = blob_of_config(store)
    blob.chmod(0o644)
    blob.write_bytes(CONFIG.upper())
    assert run(store, blocks[0]) == f"{blob.relative_to(store.layout.root)}\n"


def test_the_checksum_of_a_list(store: Store, blocks: list[str]) -> None:
    here, there = run(store, blocks[1]).splitlines()
    assert here == there
    assert len(here) == 64


def test_a_damaged_blob_is_taken_away_and_pulled_again(store: Store, blocks: list[str]) -> None:
    run(store, blocks[2])
    assert {damage.kind for damage in store.verify(deep=True)} == {"missing"}
    fetch(store, files_of(2))
    fetch(store, files_of(1))
    assert store.verify(deep=True) == []


def test_a_name_is_put_back(store: Store, blocks: list[str]) -> None:
    snapshot = store.current(MODEL_ID)
    assert snapshot is not None
    (snapshot.tree / "config.json").unlink()
    run(store, blocks[3])
    assert store.verify(deep=True) == []
    blob_of_config(store).unlink()
    run(store, blocks[4])
    assert store.verify(deep=True) == []


def test_current_is_put_back(store: Store, blocks: list[str]) -> None:
    line, _ = blocks[5].split("\n", 1)
    before = store.current(MODEL_ID)
    assert before is not None
    assert before.digest in run(store, line)
    script = f"rm models/OWNER--NAME/current\n{blocks[5]}"
    run(store, script)
    assert store.current(MODEL_ID) == before
    assert store.verify(deep=True) == []


def test_back_to_the_previous(store: Store, blocks: list[str]) -> None:
    run(store, blocks[6])
    current = store.current(MODEL_ID)
    assert current is not None
    assert tree_bytes(current.tree) == files_of(1)
    store.gc()
    assert store.verify(deep=True) == []
    assert [snapshot.name for snapshot in store.layout.snapshots.iterdir()] == [current.digest]
