"""SIGKILL in updates of every kind of component: old or new, never mixed; the next start ends it.

TEST_HUIYAN_UPDATE_KILLS: how many points in all (`just update-kills 250`), spread over kinds and steps.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from huiyan.launcher.updates import service
from huiyan.launcher.updates.registry import Registry
from huiyan.launcher.updates.service import journal_of
from huiyan.store.snapshots import Store
from huiyan.testing import mcp_server
from huiyan.tools import records
from huiyan.tools.places import tools_directory
from huiyan.updates.component_dirs import ComponentDirs
from huiyan.updates.release import Wish, make_projector, make_vision
from tests.support import feeds, tiny_models
from tests.support.safetensors import write
from tests.support.update_killer import COMPONENTS, MODEL, Killer, settings_of

pytestmark = pytest.mark.slow

_log = logging.getLogger(__name__)

POINTS = int(os.environ.get("TEST_HUIYAN_UPDATE_KILLS", "40"))
SEED = int(os.environ.get("TEST_HUIYAN_UPDATE_SEED", "7"))
#: Shares of all points: a tool's environment is made anew each time, which takes a second or two.
SHARES = {"projector": 0.27, "tensors": 0.27, "adapter": 0.27, "rollback": 0.12, "tool": 0.07}

HEAD = """\
# /// script
# dependencies = []
# [tool.huiyan]
# name = "trial"
# version = "{version}"
# ///
"""


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HUIYAN_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with Killer() as started:
        yield started


def _prepare(kind: str, root: Path, killer: Killer) -> None:
    """A data directory with the old state, and a feed with the new one."""
    feed, work = root / "feed", root / "work"
    (root / "data").mkdir(parents=True)
    wish = Wish(name="vision-encoder", version="2", model=MODEL)
    if kind in ("projector", "tensors"):
        files = tiny_models.gguf_files if kind == "projector" else tiny_models.safetensors_files
        old, new = write(work / "1", files(1)), write(work / "2", files(2))
        if kind == "projector":
            make_projector(wish, old, new, feed)
        else:
            make_vision(wish, old, new, feed)
        tiny_models.install(Store(root / "data" / "models"), old, MODEL)
    elif kind == "tool":
        server = Path(mcp_server.__file__).read_text("utf-8")
        for version in ("1", "2"):
            script = feeds.script(work / version, HEAD.format(version=version) + server)
            feeds.tool(feed, script, version)
            if version == "1":
                assert killer.run(kind, root, 0)["code"] == 0
    else:
        for version in ("1", "2"):
            feeds.adapter(feed, work / version, version, labels="zh", template=feeds.TEMPLATE + version)
            if version == "1" or kind == "rollback":
                assert killer.run("adapter", root, 0)["code"] == 0


def _active(kind: str, root: Path) -> str:
    """The active state's name; asserts that it is whole, byte for byte, as is all that could become it."""
    if kind in ("projector", "tensors"):
        store = Store(root / "data" / "models")
        snapshot = store.current(MODEL)
        assert snapshot is not None
        for file in snapshot.lock.files:
            data = (snapshot.tree / file.path).read_bytes()
            assert hashlib.sha256(data).hexdigest() == file.sha256
        return snapshot.digest
    if kind == "tool":
        directory = tools_directory(root / "data") / "trial"
        found = records.look(directory)
        assert found is not None
        assert all(Path(word).exists() for word in found.record.command), "its environment is whole"
        return found.record.version
    dirs = ComponentDirs(root / "data" / "components", "prompt-adapter")
    for state in dirs.states():
        version = json.loads((dirs.directory(state) / "adapter.json").read_bytes())["version"]
        for path in (root / "work" / version).iterdir():
            assert (dirs.directory(state) / path.name).read_bytes() == path.read_bytes()
    assert dirs.has(dirs.active())
    return dirs.active()


@pytest.mark.parametrize("kind", list(SHARES))
def test_old_or_new_and_the_next_start_ends_it(kind: str, killer: Killer, tmp_path: Path) -> None:
    base = tmp_path / "base"
    _prepare(kind, base, killer)
    old = _active(kind, base)
    whole = tmp_path / "whole"
    shutil.copytree(base, whole, symlinks=True)
    undisturbed = killer.run(kind, whole, 0)
    assert undisturbed["code"] == 0, undisturbed
    new = _active(kind, whole)
    assert old != new
    total = undisturbed["points"]
    count = max(2, round(POINTS * SHARES[kind]))
    # The last calls are the switch itself; the first may be many of one kind, such as a copy's.
    generator = random.Random(SEED)
    points = {1, total, *generator.sample(range(max(2, total - 40), total), min(count // 2, 30, total // 3))}
    while len(points) < min(count, total):
        points.add(generator.randrange(2, total))
    seen, kills = set(), 0
    for point in sorted(points)[:count]:
        root = tmp_path / f"{point}"
        shutil.copytree(base, root, symlinks=True)
        killed = killer.run(kind, root, point)
        if killed["code"] == 0:
            continue  # threads order their calls otherwise now and then: it was through before the point
        assert killed["code"] == -signal.SIGKILL, (kind, point, killed)
        kills += 1
        assert _active(kind, root) in {old, new}, (kind, point)
        service.recover(Registry(settings_of(root, kind)))
        state = _active(kind, root)
        assert state in {old, new}, (kind, point)
        seen.add(state)
        assert all(entry.ended for entry in journal_of(root / "data").latest().values()), (kind, point)
        if state == old:
            again = killer.run(kind, root, 0)
            assert again["code"] == 0, (kind, point, again)
        assert _active(kind, root) == new, (kind, point)
        shutil.rmtree(root)
    _log.info("%s: killed at %d of %d calls", kind, kills, total)
    assert kills >= min(count, total) * 0.8
    assert old in seen, f"{kind}: a kill of {COMPONENTS[kind]} before the switch"
