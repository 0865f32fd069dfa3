"""Layer 2: which model is served, and every way in which its files can be wrong."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from huiyan import nano
from huiyan.engines.options import EngineOptions
from huiyan.errors import (
    DigestMismatchError,
    ModelFileMissingError,
    SnapshotIncompleteError,
    StoreError,
)
from huiyan.launcher.model_files import ModelFiles, choose, find_pair
from huiyan.launcher.stored import stored_model
from huiyan.store.imports import import_directory
from huiyan.store.manifest import VerificationRecord
from huiyan.store.snapshots import Store
from tests.support import safetensors


def options(**given: object) -> EngineOptions:
    return EngineOptions.model_validate(given)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A directory with a model of the user's own (nano's bytes)."""
    directory = tmp_path / "my model"
    directory.mkdir()
    shutil.copy(nano.MODEL_PATH, directory / "Some-VL-Q8_0.gguf")
    shutil.copy(nano.MMPROJ_PATH, directory / "mmproj-F16.gguf")
    return directory


def test_nothing_asked_for_means_nano() -> None:
    files = choose(options())
    assert isinstance(files, ModelFiles)
    assert files.card == nano.card()
    assert (files.model_path, files.mmproj_path) == (nano.MODEL_PATH, nano.MMPROJ_PATH)
    assert files.kv_bytes_per_token > 0


def test_a_model_that_is_not_here_means_nano_that_says_so() -> None:
    assert choose(options(model="Qwen/Qwen3-VL-8B-Instruct")).card.wanted == "Qwen/Qwen3-VL-8B-Instruct"
    assert choose(options(model="nano")).card.wanted is None


def test_nano_takes_a_smaller_context_but_no_larger_one() -> None:
    assert choose(options(context_tokens=1024)).card.context_tokens == 1024
    assert choose(options(context_tokens=100_000)).card.context_tokens == nano.CONTEXT_TOKENS


@pytest.mark.parametrize("name", ["", "Some-VL-Q8_0.gguf"])
def test_a_directory_or_its_file_is_served(own: Path, name: str) -> None:
    files = choose(options(model_path=own / name))
    assert isinstance(files, ModelFiles)
    assert files.model_path == own / "Some-VL-Q8_0.gguf"
    assert files.mmproj_path == own / "mmproj-F16.gguf"
    assert files.card.id == "Some-VL-Q8_0"
    assert not files.card.demo
    assert files.card.context_tokens == 4096, "not more than the model was trained on"
    assert files.card.image_max_tokens == 1024


def test_a_path_may_be_given_as_the_model(own: Path) -> None:
    assert choose(options(model=str(own))).card.id == "Some-VL-Q8_0"


def test_a_directory_that_is_called_like_the_model_is_not_meant(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own.parent)
    assert choose(options(model="my model")).card.demo
    assert not choose(options(model="./my model")).card.demo


def test_the_models_hub_name_is_its_id(own: Path) -> None:
    assert choose(options(model="Some/VL", model_path=own)).card.id == "Some/VL"


def test_what_is_asked_for_is_used(own: Path) -> None:
    card = choose(
        options(model_path=own, context_tokens=2048, image_min_tokens=256, image_max_tokens=300)
    ).card
    assert (card.context_tokens, card.image_min_tokens, card.image_max_tokens) == (2048, 256, 300)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["mmproj-BF16.gguf", "mmproj-F32.gguf"], "mmproj-BF16.gguf"),
        (["mmproj-F16.gguf", "mmproj-F32.gguf", "mmproj-BF16.gguf"], "mmproj-F16.gguf"),
        (["mmproj-Other-VL-F16.gguf", "mmproj-My-VL-8B-Q8_0.gguf"], "mmproj-My-VL-8B-Q8_0.gguf"),
        (["Other-VL.mmproj-f16.gguf", "My-VL-8B.mmproj-f32.gguf"], "My-VL-8B.mmproj-f32.gguf"),
    ],
)
def test_of_several_projectors_the_fitting_one_is_taken(
    tmp_path: Path, names: list[str], chosen: str
) -> None:
    for name in ["My-VL-8B-UD-IQ4_XS.gguf", *names]:
        (tmp_path / name).write_bytes(b"GGUF")
    assert find_pair(tmp_path)[1].name == chosen


def test_of_a_model_in_parts_the_first_is_named(tmp_path: Path) -> None:
    for name in ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "mmproj.gguf"]:
        (tmp_path / name).write_bytes(b"GGUF")
    assert find_pair(tmp_path)[0].name == "m-00001-of-00002.gguf"


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileMissingError, match="nowhere") as caught:
        choose(options(model_path=tmp_path / "nowhere"))
    assert "huiyan start" in caught.value.hint


def test_a_directory_without_a_model_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(ModelFileMissingError, match=r"no \.gguf") as caught:
        choose(options(model_path=tmp_path))
    assert "mmproj" in caught.value.hint


def test_safetensors_are_explained(tmp_path: Path) -> None:
    (tmp_path / "model-00001-of-00002.safetensors").write_bytes(b"x")
    with pytest.raises(ModelFileMissingError, match="reads GGUF") as caught:
        choose(options(model_path=tmp_path))
    assert "convert_hf_to_gguf.py" in caught.value.hint


def test_several_models_are_listed(own: Path) -> None:
    shutil.copy(nano.MODEL_PATH, own / "Another.gguf")
    with pytest.raises(StoreError, match=r"Another\.gguf, Some-VL-Q8_0\.gguf") as caught:
        choose(options(model_path=own))
    assert "Another.gguf" in caught.value.hint


def test_a_missing_projector_is_named(own: Path) -> None:
    (own / "mmproj-F16.gguf").unlink()
    with pytest.raises(ModelFileMissingError, match="mmproj"):
        choose(options(model_path=own))


@pytest.mark.parametrize("name", ["Some-VL-Q8_0.gguf", "mmproj-F16.gguf"])
def test_a_truncated_file_is_found_by_its_own_head(own: Path, name: str) -> None:
    os.truncate(own / name, (own / name).stat().st_size - 1)
    with pytest.raises(DigestMismatchError, match=name):
        choose(options(model_path=own))


def test_a_file_that_is_no_gguf_is_refused(own: Path) -> None:
    (own / "Some-VL-Q8_0.gguf").write_bytes(b"<html>404</html>")
    with pytest.raises(DigestMismatchError, match="no GGUF"):
        choose(options(model_path=own))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(own: Path) -> None:
    (own / "Some-VL-Q8_0.gguf").chmod(0)
    with pytest.raises(StoreError, match="Permission denied"):
        choose(options(model_path=own))


def test_an_unreadable_file_is_refused_with_the_remedy(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("huiyan.engines.gguf.read_head", unreadable)
    with pytest.raises(StoreError, match="Permission denied") as caught:
        choose(options(model_path=own))
    assert "chmod" in caught.value.hint


def test_a_manifest_beside_the_model_is_held_against_it(own: Path, tmp_path: Path) -> None:
    for path in (nano.MODEL_PATH, nano.MMPROJ_PATH, nano.MANIFEST_PATH):
        shutil.copy(path, tmp_path)
    files = choose(options(model_path=tmp_path))
    record = VerificationRecord(tmp_path / "state" / "record.json")
    files.verify(record)

    model = tmp_path / nano.MODEL_PATH.name
    data = bytearray(model.read_bytes())
    data[-100] ^= 1
    model.write_bytes(data)
    with pytest.raises(DigestMismatchError, match="damaged") as caught:
        choose(options(model_path=tmp_path)).verify(VerificationRecord(tmp_path / "state" / "record.json"))
    assert "fetch it again" in caught.value.hint

    model.unlink()
    shutil.copy(nano.MODEL_PATH, tmp_path / "other.gguf")
    with pytest.raises(ModelFileMissingError, match=r"nano\.gguf"):
        choose(options(model_path=tmp_path))


def test_nothing_is_written_beside_the_model(own: Path) -> None:
    own.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        before = sorted(entry.name for entry in own.iterdir())
        choose(options(model_path=own)).verify(VerificationRecord(own.parent / "record.json"))
        assert sorted(entry.name for entry in own.iterdir()) == before
    finally:
        own.chmod(0o700)


@pytest.fixture
def store_dir(tmp_path: Path) -> Path:
    """A store with a GGUF pair (nano's) under the name Qwen/Reader-GGUF."""
    directory = tmp_path / "reader"
    directory.mkdir()
    shutil.copyfile(nano.MODEL_PATH, directory / "Reader-Q4_K_M.gguf")
    shutil.copyfile(nano.MMPROJ_PATH, directory / "mmproj-Reader-F16.gguf")
    import_directory(Store(tmp_path / "store"), directory, model_id="Qwen/Reader-GGUF")
    return tmp_path / "store"


def test_model_in_the_store_is_served_by_its_name_in_any_case(store_dir: Path) -> None:
    files = choose(options(model="qwen/reader-gguf"), store_dir)
    assert isinstance(files, ModelFiles)
    assert files.card.id == "Qwen/Reader-GGUF"
    assert not files.card.demo
    assert files.model_path.name == "Reader-Q4_K_M.gguf"
    assert files.model_path.is_relative_to(store_dir / "snapshots")


def test_model_that_is_not_in_the_store_is_wanted(store_dir: Path) -> None:
    assert choose(options(model="Qwen/Other"), store_dir).card.wanted == "Qwen/Other"
    assert choose(options(model="Qwen/Other"), store_dir / "none").card.wanted == "Qwen/Other"


def test_safetensors_are_left_to_another_engine(tmp_path: Path) -> None:
    shards = safetensors.shards({"a": bytes(50), "b": bytes(50)}, count=2)
    directory = safetensors.write(tmp_path / "made", {**safetensors.companions(), **shards})
    store_dir = tmp_path / "store"
    import_directory(Store(store_dir), directory, model_id="Qwen/Tiny-VL")
    assert choose(options(model="Qwen/Tiny-VL"), store_dir).card.wanted == "Qwen/Tiny-VL"
    stored = stored_model(store_dir, "qwen/tiny-vl", engine="vllm")
    assert stored is not None
    assert (stored.id, stored.is_gguf) == ("Qwen/Tiny-VL", False)
    assert (stored.directory / "config.json").is_file()


def test_stored_model_without_a_file_that_its_engine_asks_for(tmp_path: Path) -> None:
    files = {**safetensors.companions(), "model.safetensors": safetensors.encode({"a": b"1"})}
    del files["preprocessor_config.json"]
    directory = safetensors.write(tmp_path / "made", files)
    import_directory(Store(tmp_path / "store"), directory, model_id="Qwen/Tiny-VL")
    with pytest.raises(SnapshotIncompleteError, match=r"preprocessor_config\.json"):
        stored_model(tmp_path / "store", "Qwen/Tiny-VL", engine="vllm")


def test_stored_file_of_another_size(store_dir: Path) -> None:
    files = choose(options(model="Qwen/Reader-GGUF"), store_dir)
    assert isinstance(files, ModelFiles)
    path = files.mmproj_path
    path.chmod(0o644)
    path.write_bytes(b"GGUF")
    with pytest.raises(DigestMismatchError) as caught:
        choose(options(model="Qwen/Reader-GGUF"), store_dir)
    assert "huiyan models verify" in caught.value.hint
