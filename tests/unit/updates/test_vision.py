"""A vision encoder is cut from two models, and put into the store of somebody who has the first one."""

from __future__ import annotations

import json
import random
from pathlib import Path

import msgspec
import pytest

from huiyan.errors import ComponentMismatchError, DigestMismatchError, HuiyanError, ReleaseFeedError
from huiyan.store.lock import LockedFile, ModelLock
from huiyan.store.snapshots import Store
from huiyan.store.tensors import tensor_digests
from huiyan.updates.feed import Component, parse
from huiyan.updates.place import LocalPlace
from huiyan.updates.release import Wish, make_vision
from huiyan.updates.vision import VisionStaging
from tests.support import safetensors

MODEL = "Qwen/Qwen3-VL-8B-Instruct"
WISH = Wish(name="vision-encoder", version="2026.11.1", model=MODEL)
SCALE = 4000


def _tensors() -> dict[str, bytes]:
    return safetensors.model_8b(scale=SCALE)


def _with_new_vision(tensors: dict[str, bytes], seed: int = 5) -> dict[str, bytes]:
    generator = random.Random(seed)
    return {
        name: generator.randbytes(len(data)) if name.startswith("model.visual.") else data
        for name, data in tensors.items()
    }


def _write(directory: Path, tensors: dict[str, bytes]) -> Path:
    return safetensors.write(directory, {**safetensors.shards(tensors), **safetensors.companions()})


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return _write(tmp_path / "old", _tensors())


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return _write(tmp_path / "new", _with_new_vision(_tensors()))


@pytest.fixture
def store(tmp_path: Path, old: Path) -> Store:
    """Holds the old model, as a pull leaves it."""
    store = Store(tmp_path / "store")
    files = []
    for path in sorted(old.iterdir()):
        sha256 = store.blobs.adopt(path, link=False)
        tensors = tensor_digests(path) if path.suffix == ".safetensors" else {}
        files.append(
            LockedFile(path=path.name, size_bytes=path.stat().st_size, sha256=sha256, tensors=tensors)
        )
    store.install(ModelLock(source="local", id=MODEL, files=tuple(files)))
    return store


def _component(feed: Path) -> Component:
    component = parse((feed / "components.toml").read_bytes()).newest("vision-encoder", huiyan="99")
    assert component is not None
    return component


def _stage(store: Store, feed: Path) -> str:
    return VisionStaging(store, _component(feed), LocalPlace(feed)).run()


def test_only_what_changed_moves_and_the_result_is_the_new_model(
    store: Store, old: Path, new: Path, tmp_path: Path
) -> None:
    feed = tmp_path / "feed"
    component = make_vision(WISH, old, new, feed)
    assert component == _component(feed), "what is written is what is read"
    whole_bytes = sum(path.stat().st_size for path in new.glob("*.safetensors"))
    assert 0.06 < component.size_bytes / whole_bytes < 0.08, "the vision tower has 6.6 % of the bytes"

    staging = VisionStaging(store, component, LocalPlace(feed))
    change = staging.plan()
    assert 0.06 < change.moved_bytes / whole_bytes < 0.07
    before = store.current(MODEL)
    assert before is not None
    digest = staging.run()
    assert store.current(MODEL) == before, "staging switches nothing"
    tree = store.tree(digest)
    for path in new.iterdir():
        assert (tree / path.name).read_bytes() == path.read_bytes()
    assert staging.run() == digest, "again is harmless"
    store.switch(MODEL, digest)
    assert staging.plan().nothing
    store.rollback(MODEL)
    assert store.current(MODEL) == before


def test_a_second_release_joins_the_feed_and_a_version_is_made_once(
    old: Path, new: Path, tmp_path: Path
) -> None:
    feed = tmp_path / "feed"
    make_vision(WISH, old, new, feed)
    with pytest.raises(ReleaseFeedError, match="already"):
        make_vision(WISH, old, new, feed)
    make_vision(Wish(name="vision-encoder", version="2026.12", model=MODEL), old, new, feed)
    assert _component(feed).version == "2026.12"
    assert len(parse((feed / "components.toml").read_bytes()).component) == 2


def _language_changed(directory: Path) -> None:
    tensors = _with_new_vision(_tensors())
    name = "model.language_model.layers.3.part2.weight"
    tensors[name] = bytes(len(tensors[name]))
    _write(directory, tensors)


def _other_shape(directory: Path) -> None:
    tensors = _tensors()
    name = next(name for name in tensors if name.startswith("model.visual."))
    _write(directory, {**tensors, name: tensors[name] + b"12345678"})


def _other_config(directory: Path) -> None:
    (directory / "preprocessor_config.json").write_bytes(b'{"patch_size": 14}')


def _one_more_file(directory: Path) -> None:
    (directory / "more.json").write_bytes(b"{}")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_language_changed, "language_model"),
        (_other_shape, "model.visual"),
        (_other_config, "preprocessor_config.json"),
        (_one_more_file, "more.json"),
        (lambda directory: _write(directory, _tensors()), "nothing to release"),
    ],
)
def test_what_is_more_than_an_encoder_is_not_released(
    change: object, says: str, old: Path, new: Path, tmp_path: Path
) -> None:
    assert callable(change)
    change(new)
    with pytest.raises(ComponentMismatchError, match=says):
        make_vision(WISH, old, new, tmp_path / "feed")
    assert not (tmp_path / "feed" / "components.toml").exists()


def _damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _lying(feed: Path, **changes: object) -> Component:
    return msgspec.structs.replace(_component(feed), **changes)


def test_a_release_that_lies_changes_nothing(store: Store, old: Path, new: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    component = make_vision(WISH, old, new, feed)
    before = store.current(MODEL)
    assert component.tensors is not None
    assert component.base is not None
    lies: list[tuple[Component, str]] = [
        (_lying(feed, files=component.files[:0]), "names no files"),
        (
            _lying(feed, files=(msgspec.structs.replace(component.files[0], path="other.safetensors"),)),
            "does not bring it",
        ),
        (
            _lying(feed, base=msgspec.structs.replace(component.base, configs={"config.json": "0" * 64})),
            "another config.json",
        ),
        (
            _lying(feed, base=msgspec.structs.replace(component.base, model="Qwen/Other")),
            "not in the store|hold",
        ),
        (_lying(feed, tensors=msgspec.structs.replace(component.tensors, prefix="lm_head")), "not below"),
        (_lying(feed, tensors=msgspec.structs.replace(component.tensors, lock_sha256="0" * 64)), "lock"),
    ]
    for lie, says in lies:
        with pytest.raises(HuiyanError, match=says):
            VisionStaging(store, lie, LocalPlace(feed)).run()
    _damage(feed / component.files[0].url)
    with pytest.raises(DigestMismatchError):
        _stage(store, feed)
    assert store.current(MODEL) == before


def test_a_lock_that_is_not_the_feeds_is_refused(store: Store, old: Path, new: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    component = make_vision(WISH, old, new, feed)
    assert component.tensors is not None
    _damage(feed / component.tensors.lock)
    with pytest.raises(DigestMismatchError, match="not the lock"):
        _stage(store, feed)


def test_a_model_that_is_not_here_is_named(tmp_path: Path, old: Path, new: Path) -> None:
    feed = tmp_path / "feed"
    make_vision(WISH, old, new, feed)
    with pytest.raises(ComponentMismatchError, match="not in the store") as caught:
        _stage(Store(tmp_path / "empty"), feed)
    assert f"huiyan models pull {MODEL}" in caught.value.hint


def test_shards_need_not_be_many(tmp_path: Path) -> None:
    """One file without an index, as small models are published."""
    tensors = {"model.visual.a": b"1" * 64, "lm_head.weight": b"2" * 64}
    changed = {**tensors, "model.visual.a": b"3" * 64}
    old = safetensors.write(tmp_path / "old", {"model.safetensors": safetensors.encode(tensors)})
    new = safetensors.write(tmp_path / "new", {"model.safetensors": safetensors.encode(changed)})
    component = make_vision(WISH, old, new, tmp_path / "feed")
    header = json.loads((new / "model.safetensors").read_bytes()[8:].partition(b"}}")[0] + b"}}")
    assert set(header) == set(tensors)
    assert component.files[0].size_bytes < 64 * 2 + len(safetensors.encode(tensors)) - 64
