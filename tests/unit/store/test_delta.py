"""A new shard from what is here and what is fetched: the published bytes, and few of them moved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from huiyan.store import delta, tensors
from tests.support import safetensors

OLD = {"v.a": b"A" * 1000, "l.a": b"B" * 3000, "v.b": b"C" * 1000, "l.b": b"D" * 5000}


class Written:
    """A target that knows which of its bytes were written."""

    def __init__(self, size_bytes: int) -> None:
        self.data = bytearray(size_bytes)
        self.ranges: list[tuple[int, int]] = []

    def write(self, offset: int, data: bytes | memoryview) -> None:
        self.data[offset : offset + len(data)] = data
        self.ranges.append((offset, offset + len(data)))

    def complete(self, published: bytes) -> int:
        """Fetch what is missing, as a transfer does; return how many bytes that were."""
        position = fetched = 0
        for start, stop in [*tensors.joined(self.ranges), (len(published), len(published))]:
            if start > position:
                self.data[position:start] = published[position:start]
                fetched += start - position
            position = max(position, stop)
        return fetched


def _old(directory: Path, files: Mapping[str, bytes], *, digests: bool = True) -> delta.OldTensors:
    safetensors.write(directory, files)
    found = []
    for name in files:
        if name.endswith(".safetensors"):
            known = tensors.tensor_digests(directory / name) if digests else {}
            shard = delta.open_shard(directory / name, known)
            assert shard is not None
            found.append(shard)
    return delta.OldTensors(found)


def _digests(values: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in values.items()}


def _move(
    new: Mapping[str, bytes],
    old: delta.OldTensors,
    *,
    digests: Mapping[str, str] | None = None,
    only: tuple[str, ...] = (),
) -> tuple[int, bool]:
    """(bytes fetched beyond the header, whether the result is what was published)."""
    published = safetensors.encode(new)
    header = tensors.parse_header(published, size_bytes=len(published))
    plan = delta.plan(header, old, digests=digests, only=only)
    target = Written(len(published))
    delta.seed(target, published[: header.data_start], plan)
    fetched = target.complete(published)
    assert fetched == plan.fetched_bytes
    return fetched, bytes(target.data) == published


@pytest.fixture(autouse=True)
def _no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "JOIN_GAP_BYTES", 0)


def test_digests_find_what_is_here_wherever_it_lay(tmp_path: Path) -> None:
    old = _old(tmp_path, {"one.safetensors": safetensors.encode(OLD)})
    new = {"l.b": OLD["l.b"], "v.new": b"N" * 700, "renamed": OLD["v.a"]}
    assert _move(new, old, digests=_digests(new)) == (700, True)


def test_without_digests_nothing_is_assumed(tmp_path: Path) -> None:
    old = _old(tmp_path, {"one.safetensors": safetensors.encode(OLD)})
    assert _move(OLD, old) == (10_000, True)


def test_named_tensors_are_fetched_and_the_others_kept(tmp_path: Path) -> None:
    old = _old(tmp_path, {"one.safetensors": safetensors.encode(OLD)}, digests=False)
    new = {**OLD, "v.a": b"x" * 1000, "v.b": b"y" * 1000}
    assert _move(new, old, only=("v.*",)) == (2000, True)


def test_claim_that_does_not_hold_shows_in_the_bytes(tmp_path: Path) -> None:
    """The language changed, too; the file's SHA-256 says so, and whoever fetches takes it whole."""
    old = _old(tmp_path, {"one.safetensors": safetensors.encode(OLD)}, digests=False)
    new = {**OLD, "v.a": b"x" * 1000, "l.a": b"y" * 3000}
    fetched, right = _move(new, old, only=("v.*",))
    assert fetched == 2000
    assert not right


def test_another_form_is_fetched_although_its_name_is_known(tmp_path: Path) -> None:
    old = _old(tmp_path, {"one.safetensors": safetensors.encode(OLD)}, digests=False)
    assert _move({**OLD, "l.a": b"B" * 2999}, old, only=("v.*",)) == (2000 + 2999, True)


def test_digest_of_a_lock_counts_more_than_a_name(tmp_path: Path) -> None:
    old = _old(tmp_path, {"one.safetensors": safetensors.encode(OLD)})
    new = {**OLD, "l.a": b"y" * 3000}
    assert _move(new, old, digests=_digests(new), only=("v.*",)) == (3000, True)


def test_small_gaps_are_fetched_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "JOIN_GAP_BYTES", 3000)
    old = _old(tmp_path, {"one.safetensors": safetensors.encode(OLD)}, digests=False)
    new = {**OLD, "v.a": b"x" * 1000, "v.b": b"y" * 1000}
    assert _move(new, old, only=("v.*",)) == (5000, True)


def test_old_file_that_vanished_is_fetched(tmp_path: Path) -> None:
    old = _old(tmp_path, {"one.safetensors": safetensors.encode(OLD)})
    (tmp_path / "one.safetensors").unlink()
    published = safetensors.encode(OLD)
    header = tensors.parse_header(published, size_bytes=len(published))
    target = Written(len(published))
    plan = delta.plan(header, old, digests=_digests(OLD))
    assert delta.seed(target, published[: header.data_start], plan) == header.data_start
    assert target.complete(published) == 10_000
    assert bytes(target.data) == published


def test_file_that_is_no_shard_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"nothing")
    assert delta.open_shard(tmp_path / "a.safetensors", {}) is None
    assert delta.open_shard(tmp_path / "b.safetensors", {}) is None


@pytest.mark.parametrize("spread", [False, True], ids=["vision together", "vision spread"])
@pytest.mark.parametrize("by", ["digest", "name"])
def test_vision_of_the_8b_is_a_fifteenth_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by: str, spread: bool
) -> None:
    """A vision-only update with the 8B's shape proportions moves 6.6 % of its bytes."""
    monkeypatch.setattr(delta, "JOIN_GAP_BYTES", 256 * 1024 // 2000)  # at the model's scale
    old_model = safetensors.model_8b()
    if spread:
        names = sorted(old_model, key=lambda name: hashlib.sha256(name.encode()).digest())
        old_model = {name: old_model[name] for name in names}
    fresh = safetensors.model_8b(seed=9)
    new_model = {name: (fresh if ".visual." in name else old_model)[name] for name in old_model}
    old_files, new_files = safetensors.shards(old_model), safetensors.shards(new_model)
    old = _old(tmp_path, old_files, digests=by == "digest")

    moved = 0
    for name, published in new_files.items():
        if published == old_files[name]:
            continue
        header = tensors.parse_header(published, size_bytes=len(published))
        target = Written(len(published))
        plan = delta.plan(
            header,
            old,
            digests=_digests(new_model) if by == "digest" else None,
            only=("model.visual.*",) if by == "name" else (),
        )
        delta.seed(target, published[: header.data_start], plan)
        moved += target.complete(published)
        assert bytes(target.data) == published
    share = moved / sum(len(data) for name, data in new_files.items() if name.endswith(".safetensors"))
    assert 0.065 < share < 0.067
