"""A projector is released, fetched and put into the place of another of the same form, and of no other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from huiyan import nano
from huiyan.errors import ComponentMismatchError, HuiyanError, ReleaseFeedError
from huiyan.launcher import nano_files
from huiyan.store.snapshots import Store
from huiyan.updates.feed import Component, parse
from huiyan.updates.place import LocalPlace
from huiyan.updates.projector import ProjectorStaging, form_of
from huiyan.updates.release import Wish, make_projector
from tests.support import feeds, projectors

WISH = Wish(name="vision-encoder", version="2", model=nano.STORE_ID)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _component(feed: Path) -> Component:
    component = parse((feed / "components.toml").read_bytes()).newest("vision-encoder", huiyan="99")
    assert component is not None
    return component


def _stage(store: Store, feed: Path) -> str:
    return ProjectorStaging(
        store,
        _component(feed),
        LocalPlace(feed),
        here=lambda: nano_files.in_store(store),
        replaced=lambda _: nano.MMPROJ_PATH.name,
    ).run()


def test_the_new_snapshot_is_the_old_one_but_for_the_projector(tmp_path: Path) -> None:
    new = projectors.slightly_other(tmp_path / "x-mmproj.gguf")
    store = Store(tmp_path / "store")
    digest = _stage(store, feeds.vision(tmp_path / "feed", new))
    tree = store.tree(digest)
    assert (tree / nano.MMPROJ_PATH.name).read_bytes() == new.read_bytes()
    assert (tree / nano.MODEL_PATH.name).read_bytes() == nano.MODEL_PATH.read_bytes()
    current = store.current(nano.STORE_ID)
    assert current is not None
    assert current.digest == nano_files.built_in().digest(), "composed is not yet current"
    assert _stage(store, tmp_path / "feed") == digest


def test_what_came_before_a_cut_is_not_fetched_again(tmp_path: Path) -> None:
    feed = feeds.vision(tmp_path / "feed", projectors.slightly_other(tmp_path / "x-mmproj.gguf"))
    store = Store(tmp_path / "store")
    starts = []

    class Cut(LocalPlace):
        def pieces(self, url: str, *, start: int = 0) -> Iterator[bytes]:
            starts.append(start)
            for number, piece in enumerate(super().pieces(url, start=start)):
                if number == 4 and len(starts) == 1:
                    raise ReleaseFeedError("the line went dead")
                yield piece

    def run() -> str:
        return ProjectorStaging(
            store,
            _component(feed),
            Cut(feed),
            here=lambda: nano_files.in_store(store),
            replaced=lambda _: nano.MMPROJ_PATH.name,
        ).run()

    with pytest.raises(ReleaseFeedError, match="dead"):
        run()
    run()
    assert starts[0] == 0
    assert starts[1] > 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda out: projectors.with_number(out, "clip.vision.patch_size", 14), "patch size: 14"),
        (lambda out: projectors.with_number(out, "clip.vision.projection_dim", 640), "embedding width: 640"),
        (projectors.with_other_tensor, "names and shapes"),
        (lambda out: _written(out, b"GGUF"), "damaged"),
        (lambda out: _written(out, nano.MMPROJ_PATH.read_bytes()[:-9]), "it needs"),
        (lambda out: _written(out, nano.MODEL_PATH.read_bytes()), "no vision encoder"),
    ],
)
def test_another_form_is_not_released(make: Callable[[Path], Path], says: str, tmp_path: Path) -> None:
    new = make(tmp_path / "x-mmproj.gguf")
    with pytest.raises(HuiyanError, match=says):
        make_projector(WISH, nano.MMPROJ_PATH, new, tmp_path / "feed")


def test_a_feed_that_calls_another_form_fitting_is_found_out(tmp_path: Path) -> None:
    feed = feeds.vision(tmp_path / "feed", projectors.slightly_other(tmp_path / "x-mmproj.gguf"))
    component = _component(feed)
    assert component.projector is not None
    other = projectors.with_number(tmp_path / "y-mmproj.gguf", "clip.vision.patch_size", 14)
    carried = feed / component.files[0].url
    carried.write_bytes(other.read_bytes())
    feeds.spoil(feed, component.files[0].sha256, hashlib.sha256(other.read_bytes()).hexdigest())
    store = Store(tmp_path / "store")
    with pytest.raises(ReleaseFeedError, match="not what the feed says of it"):
        _stage(store, feed)


def test_form_does_not_depend_on_precision(tmp_path: Path) -> None:
    assert form_of(nano.MMPROJ_PATH) == form_of(projectors.noisy(tmp_path / "n.gguf"))
    with pytest.raises(ComponentMismatchError):
        form_of(nano.MODEL_PATH)
