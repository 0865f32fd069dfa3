from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from huiyan.errors import (
    DigestMismatchError,
    DiskFullError,
    OfflineError,
    SourceChangedError,
    SourceDeniedError,
    SourceNotFoundError,
    SourceProtocolError,
    SourceUnreachableError,
)
from huiyan.sources.huggingface import HuggingFace
from huiyan.sources.huiyan import HuiyanStore
from huiyan.sources.local import LocalDirectory
from huiyan.sources.mirror import Mirror
from huiyan.sources.modelscope import ModelScope
from huiyan.sources.offline import Network
from huiyan.sources.protocol import Progress, Source
from huiyan.sources.pull import Pulled, Wish, pull
from huiyan.sources.transfer import Transfer
from huiyan.store.lock import LockFile, ModelLock, write_lock
from huiyan.store.snapshots import Store
from huiyan.testing.hub import FakeHub
from huiyan.testing.hub_models import safetensors, small_model, some_bytes
from tests.unit.sources.conftest import QUICK

ID = "Qwen/Qwen3-VL-Test"
KEPT = sorted(path for path in small_model() if not path.startswith("."))

Make = Callable[[FakeHub], Source]


def huggingface(hub: FakeHub, network: Network | None = None) -> HuggingFace:
    return HuggingFace(network or Network(), hub.url, token_path=Path("/nonexistent"))


def modelscope(hub: FakeHub, network: Network | None = None) -> ModelScope:
    return ModelScope(network or Network(), hub.url)


def mirror(hub: FakeHub) -> Mirror:
    return Mirror(Network(), hub.mirror_url, QUICK)


def machine(hub: FakeHub) -> HuiyanStore:
    return HuiyanStore(Network(), hub.store_url, QUICK)


ALL_REMOTE = [huggingface, modelscope, mirror, machine]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def run(store: Store, sources: list[Source], model_id: str = ID, **wish: object) -> Pulled:
    return pull(
        store,
        sources,
        Wish(model_id=model_id, **wish),  # type: ignore[arg-type]
        transfer=Transfer(QUICK, Network()),
    )


def tree_of(store: Store, model_id: str = ID) -> dict[str, bytes]:
    current = store.current(model_id)
    assert current is not None
    return {
        path.relative_to(current.tree).as_posix(): path.read_bytes()
        for path in sorted(current.tree.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("make", ALL_REMOTE)
def test_a_pull_brings_the_model_with_all_its_companions(hub: FakeHub, store: Store, make: Make) -> None:
    files = small_model()
    hub.add(ID, files)
    pulled = run(store, [make(hub)])
    assert tree_of(store) == {path: files[path] for path in KEPT}
    assert pulled.moved_bytes == sum(len(files[path]) for path in KEPT)
    assert [file.path for file in pulled.lock.files] == KEPT
    weights = pulled.lock.file("model.safetensors").tensors
    assert set(weights) == {
        "model.language_model.layers.0.weight",
        "model.language_model.layers.1.weight",
        "model.visual.blocks.0.weight",
    }


def test_the_commit_of_a_branch_is_recorded(hub: FakeHub, store: Store) -> None:
    commit = hub.add(ID, small_model()).branches["main"]
    lock = run(store, [huggingface(hub)]).lock
    assert (lock.revision, lock.resolved) == ("main", commit)
    assert run(store, [modelscope(hub)]).lock.resolved == ""


@pytest.mark.parametrize("make", [huggingface, modelscope])
def test_a_name_in_another_case_is_the_same_model(hub: FakeHub, store: Store, make: Make) -> None:
    hub.add(ID, small_model())
    assert run(store, [make(hub)], ID.lower()).lock.id == ID
    assert run(store, [make(hub)], ID.upper()).moved_bytes == 0
    assert [model.id for model in store.models()] == [ID]


@pytest.mark.parametrize("make", ALL_REMOTE)
def test_what_is_here_is_not_fetched_again(hub: FakeHub, store: Store, make: Make) -> None:
    hub.add(ID, small_model())
    run(store, [make(hub)])
    before = len(hub.file_requests())
    assert run(store, [make(hub)]).moved_bytes == 0
    # A second store object is what a second start has: nothing is remembered in the process.
    assert run(Store(store.layout.root), [make(hub)]).moved_bytes == 0
    assert len(hub.file_requests()) == before


def test_a_new_revision_moves_only_the_files_that_changed(hub: FakeHub, store: Store) -> None:
    model = hub.add(ID, small_model())
    first = run(store, [huggingface(hub)])
    model.push({**small_model(), "config.json": b'{"model_type": "qwen3_vl", "new": true}'})
    second = run(store, [huggingface(hub)])
    assert second.moved_bytes == len(b'{"model_type": "qwen3_vl", "new": true}')
    assert second.digest != first.digest
    assert store.rollback(ID).digest == first.digest


def test_two_machines_with_one_lock_are_byte_identical(hub: FakeHub, tmp_path: Path) -> None:
    hub.add(ID, small_model())
    one, two = Store(tmp_path / "one"), Store(tmp_path / "two")
    lock = run(one, [modelscope(hub)]).lock
    with FakeHub() as other:
        other.add(ID, small_model())
        second = run(two, [huggingface(other)], locked=lock)
    assert tree_of(one) == tree_of(two)
    assert second.digest == lock.digest()
    assert {path.name for path in one.layout.blobs.rglob("*") if path.is_file()} == {
        path.name for path in two.layout.blobs.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("make", ALL_REMOTE)
def test_every_source_serves_one_lock_with_the_same_digest(
    hub: FakeHub, store: Store, tmp_path: Path, make: Make
) -> None:
    hub.add(ID, small_model())
    lock = run(store, [huggingface(hub)]).lock
    other = Store(tmp_path / "other")
    assert run(other, [make(hub)], locked=lock).digest == lock.digest()
    assert tree_of(other) == tree_of(store)


def test_when_one_source_breaks_the_next_goes_on_with_what_has_come(hub: FakeHub, store: Store) -> None:
    hub.add(ID, small_model())
    with FakeHub() as other:
        other.add(ID, small_model())
        # ModelScope gives out after three answers: two at least are ranges of the weights.
        hub.fail("status", path="/cdn/", status=503, skip=3, times=None)
        pulled = run(store, [modelscope(hub), huggingface(other)])
        assert pulled.lock.source == "huggingface"
        weights = len(small_model()["model.safetensors"])
        moved = sum(request.sent_bytes for request in other.file_requests("/cdn/"))
        assert moved <= weights - QUICK.chunk_bytes
    assert tree_of(store)["model.safetensors"] == small_model()["model.safetensors"]


def test_with_a_lock_each_source_gives_what_it_has_of_it(hub: FakeHub, store: Store, tmp_path: Path) -> None:
    hub.add(ID, small_model())
    lock = run(Store(tmp_path / "first"), [huggingface(hub)]).lock
    hub.models[ID].push({**small_model("2")})
    with FakeHub() as other:
        other.add(ID, small_model())
        # The first hub's branch has moved: its weights are others now, its companions the same.
        assert run(store, [modelscope(hub), huggingface(other)], locked=lock).digest == lock.digest()
        assert all("/cdn/" in request.target for request in other.file_requests())


def test_bytes_that_no_source_has_any_more_are_named(hub: FakeHub, store: Store, tmp_path: Path) -> None:
    hub.add(ID, small_model())
    lock = run(Store(tmp_path / "first"), [modelscope(hub)]).lock
    hub.models[ID].push(small_model("2"))
    with pytest.raises(SourceChangedError, match=r"model\.safetensors"):
        run(store, [modelscope(hub)], locked=lock)
    assert store.current(ID) is None


def test_a_deleted_revision_is_said_to_be_missing(hub: FakeHub, store: Store) -> None:
    model = hub.add(ID, small_model())
    commit = model.branches["main"]
    model.push(small_model("2"))
    model.delete(commit)
    with pytest.raises(SourceNotFoundError):
        run(store, [huggingface(hub)], revision=commit)


def test_a_branch_that_moves_during_the_pull_ends_in_one_revision_whole(hub: FakeHub, store: Store) -> None:
    model = hub.add(ID, small_model())
    moved = threading.Event()

    def move(progress: Progress) -> None:
        if progress.moved_bytes and not moved.is_set():
            moved.set()
            model.push(small_model("2"))

    hub.fail("slow", path="/cdn/", bytes_per_s=500_000, times=None)
    pull(
        store,
        [modelscope(hub)],
        Wish(model_id=ID),
        transfer=Transfer(QUICK, Network()),
        on_progress=move,
    )
    assert moved.is_set()
    assert tree_of(store)["model.safetensors"] in (
        small_model()["model.safetensors"],
        small_model("2")["model.safetensors"],
    )


def test_parallel_sources_leave_no_incomplete_model_marked_complete(hub: FakeHub, store: Store) -> None:
    """gpustack 4544."""
    hub.add(ID, small_model())
    hub.fail("slow", path="/cdn/", bytes_per_s=600_000, times=None)
    results: list[Pulled | BaseException] = []
    stop = threading.Event()
    incomplete: list[set[str]] = []

    def one(make: Make) -> None:
        try:
            results.append(run(Store(store.layout.root), [make(hub)]))
        except BaseException as error:  # noqa: BLE001
            results.append(error)

    def watch() -> None:
        wanted = {path: small_model()[path] for path in KEPT}
        while not stop.is_set():
            if store.current(ID) is not None:
                found = tree_of(store)
                if found != wanted:
                    incomplete.append(set(found))

    watcher = threading.Thread(target=watch)
    threads = [threading.Thread(target=one, args=(make,)) for make in ALL_REMOTE]
    watcher.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    watcher.join()
    assert incomplete == []
    assert all(isinstance(result, Pulled) for result in results), results
    # Four pulls at the same time, and the weights came once.
    weights = len(small_model()["model.safetensors"])
    moved = sum(r.sent_bytes for r in hub.file_requests() if r.sent_bytes > 10_000)
    assert moved == weights


def test_a_bad_checksum_is_never_accepted(hub: FakeHub, store: Store) -> None:
    """huggingface_hub 3643, ollama 17520."""
    hub.add(ID, small_model())
    hub.fail("wrong_bytes", path="/cdn/", times=None)
    with pytest.raises(DigestMismatchError):
        run(store, [huggingface(hub)])
    assert store.current(ID) is None
    hub.faults.clear()
    hub.fail("wrong_bytes", path="/cdn/", times=1)
    run(store, [huggingface(hub)])
    assert tree_of(store)["model.safetensors"] == small_model()["model.safetensors"]


def test_a_bad_checksum_of_a_small_file_is_never_accepted(hub: FakeHub, store: Store) -> None:
    """huggingface_hub 3643: those are known by their git id alone."""
    hub.add(ID, small_model())
    hub.fail("wrong_bytes", path="config.json", times=None)
    with pytest.raises(DigestMismatchError):
        run(store, [huggingface(hub)])
    assert store.current(ID) is None


def test_two_hubs_with_one_name_share_what_is_the_same_and_mix_nothing(hub: FakeHub, store: Store) -> None:
    """xinference 1638."""
    hub.add(ID, small_model())
    with FakeHub() as other:
        other.add(ID, {**small_model("2")})
        first = run(store, [modelscope(hub)])
        second = run(store, [huggingface(other)])
        assert second.moved_bytes == len(small_model("2")["model.safetensors"])
    assert tree_of(store)["model.safetensors"] == small_model("2")["model.safetensors"]
    assert store.rollback(ID).digest == first.digest
    assert tree_of(store)["model.safetensors"] == small_model()["model.safetensors"]


def test_a_redeploy_fetches_nothing_again(hub: FakeHub, store: Store) -> None:
    """gpustack 361: neither with the hub at hand nor without."""
    hub.add(ID, small_model())
    lock = run(store, [huggingface(hub)]).lock
    before = len(hub.requests)
    again = run(Store(store.layout.root), [huggingface(hub)], locked=lock)
    assert again.moved_bytes == 0
    assert len(hub.requests) == before


def test_what_another_version_stored_stays_valid(hub: FakeHub, store: Store) -> None:
    """gpustack 1603: the record of verified files, all that a version writes for itself, is gone."""
    hub.add(ID, small_model())
    run(store, [huggingface(hub)])
    store.layout.verified.unlink(missing_ok=True)
    before = hub.served_bytes()
    assert run(Store(store.layout.root), [huggingface(hub)]).moved_bytes == 0
    assert hub.served_bytes() == before


def test_a_pull_that_failed_halfway_blocks_nobody(hub: FakeHub, store: Store) -> None:
    """gpustack 3054: no lock outlives its holder, and one model's failure is not another's."""
    hub.add(ID, small_model())
    hub.add("Qwen/Other", small_model("other"))
    hub.fail("status", path="/cdn/", status=500, skip=1, times=None)
    with pytest.raises(SourceUnreachableError):
        run(store, [huggingface(hub)])
    hub.faults.clear()
    run(store, [huggingface(hub)], "Qwen/Other")
    run(store, [huggingface(hub)])
    assert {model.id for model in store.models()} == {ID, "Qwen/Other"}


def test_a_corrupt_blob_is_found_and_mended_by_the_next_pull(hub: FakeHub, store: Store) -> None:
    """ollama 17520."""
    hub.add(ID, small_model())
    lock = run(store, [huggingface(hub)]).lock
    path = store.blobs.path(lock.file("model.safetensors").sha256)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    path.chmod(0o444)
    pulled = run(Store(store.layout.root), [huggingface(hub)])
    assert pulled.moved_bytes == len(data)
    assert tree_of(store)["model.safetensors"] == small_model()["model.safetensors"]


@pytest.fixture
def no_lookups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name lookups and connections that were tried; each fails."""
    tried: list[str] = []

    def refuse(host: object, *_args: object, **_kwargs: object) -> None:
        tried.append(str(host))
        raise OSError("the test allows no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    return tried


@pytest.mark.parametrize("network", [Network(offline=True), Network(probe=lambda: False)])
def test_without_a_network_every_source_refuses_before_any_lookup(
    store: Store, no_lookups: list[str], network: Network
) -> None:
    remote: list[Source] = [
        ModelScope(network),
        HuggingFace(network),
        Mirror(network, "https://mirror.example/models"),
        HuiyanStore(network, "http://machine.example:8000"),
    ]
    for source in remote:
        with pytest.raises(OfflineError):
            source.list(ID)
    with pytest.raises(OfflineError):
        run(store, remote)
    assert no_lookups == []


@pytest.mark.parametrize("network", [Network(offline=True), Network(probe=lambda: False)])
def test_without_a_network_a_model_that_is_here_is_what_was_asked_for(
    hub: FakeHub, store: Store, monkeypatch: pytest.MonkeyPatch, network: Network
) -> None:
    hub.add(ID, small_model())
    lock = run(store, [huggingface(hub)]).lock
    tried: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_: tried.append(args))
    for wish in ({}, {"locked": lock}, {"revision": "main"}, {"revision": lock.resolved}):
        pulled = run(store, [HuggingFace(network), ModelScope(network)], ID.lower(), **wish)
        assert (pulled.digest, pulled.moved_bytes) == (lock.digest(), 0)
    with pytest.raises(OfflineError):
        run(store, [HuggingFace(network)], revision="another")
    assert tried == []


def test_a_local_directory_needs_no_network(
    hub: FakeHub, store: Store, tmp_path: Path, no_lookups: list[str]
) -> None:
    """vllm 39039, 23684."""
    directory = tmp_path / "models" / ID
    for path, data in small_model().items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)
    pulled = run(store, [LocalDirectory(tmp_path / "models")], ID.lower())
    assert pulled.lock.id == ID
    assert tree_of(store) == {path: small_model()[path] for path in KEPT}
    assert no_lookups == []
    # The directory is somebody else's: writing to it in place must not reach the store.
    (directory / "config.json").write_bytes(b"changed")
    assert tree_of(store)["config.json"] == small_model()["config.json"]


def test_a_local_directory_with_a_lock_is_held_to_it(hub: FakeHub, store: Store, tmp_path: Path) -> None:
    hub.add(ID, small_model())
    lock = hub.lock()
    for path, data in small_model().items():
        (tmp_path / "d" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / path).write_bytes(data)
    write_lock(tmp_path / "d" / "models.lock", lock)
    assert run(store, [LocalDirectory(tmp_path / "d")]).lock.resolved == lock.models[0].resolved
    damaged = bytearray(small_model()["model.safetensors"])
    damaged[-1] ^= 1
    (tmp_path / "d" / "model.safetensors").write_bytes(damaged)
    with pytest.raises(DigestMismatchError):
        run(Store(tmp_path / "other"), [LocalDirectory(tmp_path / "d")])


def sharded(visual: str, text: str = "1") -> dict[str, bytes]:
    """Two shards; in the first the vision tower lies between two tensors of text."""
    first = safetensors(
        {
            "model.language_model.a": some_bytes(700_000, f"a {text}"),
            "model.visual.b": some_bytes(90_000, f"b {visual}"),
            "model.visual.c": some_bytes(50_000, f"c {visual}"),
            "model.language_model.d": some_bytes(900_000, f"d {text}"),
        }
    )
    second = safetensors({"model.language_model.e": some_bytes(600_000, f"e {text}")})
    index = b'{"weight_map": {"model.language_model.a": "model-00001-of-00002.safetensors"}}'
    return {
        **{path: data for path, data in small_model().items() if path != "model.safetensors"},
        "model-00001-of-00002.safetensors": first,
        "model-00002-of-00002.safetensors": second,
        "model.safetensors.index.json": index,
    }


def test_an_update_of_the_vision_tower_moves_its_tensors_alone(hub: FakeHub, store: Store) -> None:
    model = hub.add(ID, sharded("old"))
    run(store, [huggingface(hub)])
    model.push(sharded("new"))
    pulled = run(store, [huggingface(hub)], only=("model.visual.*",))
    assert (
        tree_of(store)["model-00001-of-00002.safetensors"]
        == sharded("new")["model-00001-of-00002.safetensors"]
    )
    # The two tensors, and a first read of the head.
    assert 140_000 <= pulled.moved_bytes <= 140_000 + 2000
    assert pulled.whole == ()


def test_a_lock_with_tensor_digests_moves_only_what_changed(
    hub: FakeHub, store: Store, tmp_path: Path
) -> None:
    model = hub.add(ID, sharded("old"))
    run(store, [huggingface(hub)])
    model.push(sharded("new"))
    lock = run(Store(tmp_path / "elsewhere"), [huggingface(hub)]).lock
    before = hub.served_bytes()
    pulled = run(store, [huggingface(hub)], locked=lock)
    assert pulled.moved_bytes < 150_000
    assert hub.served_bytes() - before < 600_000
    assert tree_of(store) == {path: data for path, data in sharded("new").items() if not path.startswith(".")}


def test_more_changed_than_was_said_and_the_shard_comes_whole(hub: FakeHub, store: Store) -> None:
    model = hub.add(ID, sharded("old"))
    run(store, [huggingface(hub)])
    model.push(sharded("new", "2"))
    pulled = run(store, [huggingface(hub)], only=("model.visual.*",))
    assert "model-00001-of-00002.safetensors" in pulled.whole
    assert tree_of(store) == {
        path: data for path, data in sharded("new", "2").items() if not path.startswith(".")
    }


def test_an_update_from_a_server_without_ranges_comes_whole_and_that_is_said(
    hub: FakeHub, store: Store
) -> None:
    model = hub.add(ID, sharded("old"))
    run(store, [huggingface(hub)])
    model.push(sharded("new"))
    hub.ranges = False
    pulled = run(store, [huggingface(hub)], only=("model.visual.*",))
    assert pulled.whole == ("model-00001-of-00002.safetensors",)
    assert (
        tree_of(store)["model-00001-of-00002.safetensors"]
        == sharded("new")["model-00001-of-00002.safetensors"]
    )


def test_the_disk_is_asked_before_the_first_byte(
    hub: FakeHub, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(ID, small_model())
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("huiyan.sources.space.shutil.disk_usage", lambda _path: usage)
    with pytest.raises(DiskFullError, match="MiB are needed"):
        run(store, [huggingface(hub)])
    assert hub.file_requests() == []


@pytest.mark.parametrize("make", ALL_REMOTE)
def test_a_model_that_a_source_does_not_have_is_not_found(hub: FakeHub, store: Store, make: Make) -> None:
    hub.add(ID, small_model())
    with pytest.raises((SourceNotFoundError, SourceDeniedError)):
        run(store, [make(hub)], "Qwen/None")


@pytest.mark.parametrize("make", [huggingface, modelscope])
def test_a_gated_model_says_how_to_get_in(hub: FakeHub, store: Store, make: Make) -> None:
    hub.add(ID, small_model())
    hub.gated.add(ID)
    with pytest.raises(SourceDeniedError) as caught:
        run(store, [make(hub)])
    assert "login" in caught.value.hint


@pytest.mark.parametrize("path", ["../evil", "a/../../evil", "C:\\evil", "CON", "a\x00b"])
@pytest.mark.parametrize("make", [huggingface, modelscope])
def test_a_listing_cannot_name_files_outside_the_model(
    hub: FakeHub, store: Store, make: Make, path: str
) -> None:
    hub.add(ID, {**small_model(), path: b"evil"})
    with pytest.raises(SourceProtocolError):
        run(store, [make(hub)])
    assert store.current(ID) is None


@pytest.mark.parametrize("make", [huggingface, modelscope, mirror, machine])
def test_a_hub_that_answers_nonsense_is_said_to(hub: FakeHub, store: Store, make: Make) -> None:
    hub.add(ID, small_model())
    hub.fail("status", path=r"models|lock", times=None, status=418)
    with pytest.raises(SourceProtocolError):
        run(store, [make(hub)])


def test_every_phase_is_shown_and_weights_that_are_no_safetensors_are_taken_as_they_are(
    hub: FakeHub, store: Store
) -> None:
    hub.add(ID, {**small_model(), "model-2.safetensors": b"no safetensors at all"})
    seen: list[Progress] = []
    transfer = Transfer(QUICK, Network())
    pulled = pull(store, [huggingface(hub)], Wish(model_id=ID), transfer=transfer, on_progress=seen.append)
    phases = list(dict.fromkeys(progress.phase for progress in seen))
    assert phases == ["listing", "fetching", "checking", "composing", "done"]
    assert pulled.lock.file("model-2.safetensors").tensors == {}
    assert len(pulled.lock.file("model.safetensors").tensors) == 3


def test_companions_alone_can_be_pulled(hub: FakeHub, store: Store) -> None:
    hub.add(ID, small_model())
    run(store, [huggingface(hub)], include=("*.json",))
    assert set(tree_of(store)) == {path for path in KEPT if path.endswith(".json")}
    with pytest.raises(SourceNotFoundError):
        run(store, [huggingface(hub)], include=("*.nothing",))


def test_a_lock_of_a_lie_is_not_believed(hub: FakeHub, store: Store) -> None:
    """A lock's tensor digests are a hint: the file's own digest decides."""
    model = hub.add(ID, sharded("old"))
    first = run(store, [huggingface(hub)]).lock
    model.push(sharded("new", "2"))
    lies = hub.lock().models[0]
    path = "model-00001-of-00002.safetensors"
    kept = [file for file in lies.files if not file.path.startswith(".")]
    from msgspec.structs import replace

    lying: ModelLock = replace(
        lies,
        files=tuple(replace(f, tensors=first.file(path).tensors) if f.path == path else f for f in kept),
    )
    pulled = run(store, [huggingface(hub)], locked=lying)
    assert path in pulled.whole
    assert hashlib.sha256(tree_of(store)[path]).hexdigest() == lying.file(path).sha256
    assert LockFile(models=(pulled.lock,)).find(ID) is not None


def test_tokens_come_from_the_hubs_own_files_alone(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelscope_hub.config import HubConfig

    hub.add(ID, small_model())
    monkeypatch.setenv("HF_TOKEN", "hf_from_environment")
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", "ms_from_environment")
    monkeypatch.setenv("MODELSCOPE_HOME", str(tmp_path / "home"))
    token_path = tmp_path / "token"
    sources: list[Source] = [
        HuggingFace(Network(), hub.url, token_path=token_path),
        ModelScope(Network(), hub.url),
    ]
    for source in sources:
        run(Store(tmp_path / source.name), [source])
    assert all(request.headers["Authorization"] is None for request in hub.requests)
    # Nor does a listing leave anything in the hub's own directory.
    assert not (tmp_path / "home").exists()
    hub.requests.clear()
    token_path.write_text("hf_from_file\n")
    HubConfig(endpoint=hub.url, token="").save_token("ms_from_file")
    for source in sources:
        run(Store(tmp_path / f"{source.name}-again"), [source])
    seen = {request.headers["Authorization"] for request in hub.requests if "/cdn/" not in request.target}
    assert seen == {"Bearer hf_from_file", "Bearer ms_from_file"}
    assert all(request.headers["Authorization"] is None for request in hub.file_requests("/cdn/"))
