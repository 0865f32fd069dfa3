"""models.lock: what is written is read again, and nothing that could do harm is taken."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.errors import LockError
from huiyan.store.lock import LockedFile, LockFile, ModelLock, decode_lock, encode_lock, read_lock, write_lock
from huiyan.store.names import check_model_id, check_path, directory_name, model_id_of

ONE = hashlib.sha256(b"one").hexdigest()
TWO = hashlib.sha256(b"two").hexdigest()


def lock_of(*paths: str, model_id: str = "Qwen/Tiny", **fields: object) -> ModelLock:
    files = tuple(LockedFile(path=path, size_bytes=3, sha256=ONE) for path in paths)
    return msgspec.structs.replace(ModelLock(source="modelscope", id=model_id, files=files), **fields)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    lock = ModelLock(
        source="huggingface",
        endpoint="https://hub.example",
        id="Qwen/Qwen3-VL-2B-Instruct",
        revision="main",
        resolved="89644892e4d85e24eaac8bacfd4f463576704203",
        files=(
            LockedFile(path="b/模型.safetensors", size_bytes=7, sha256=ONE, tensors={"model.visual.x": TWO}),
            LockedFile(path="a.json", size_bytes=0, sha256=TWO),
        ),
        engine={"vllm": "0.29.0"},
        packages={"huiyan": "0.1"},
    )
    write_lock(tmp_path / "models.lock", LockFile(models=(lock,)))
    read = read_lock(tmp_path / "models.lock").models
    assert [file.path for file in read[0].files] == ["a.json", "b/模型.safetensors"]
    assert read[0] == msgspec.structs.replace(lock, files=read[0].files)
    assert read[0].digest() == lock.digest()
    assert encode_lock(LockFile(models=read)) == (tmp_path / "models.lock").read_bytes()
    assert list(tmp_path.iterdir()) == [tmp_path / "models.lock"]


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=4, max_size=4),
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=20), st.just(TWO), max_size=4),
)
def test_any_text_survives(texts: list[str], tensors: dict[str, str]) -> None:
    endpoint, revision, resolved, version = texts
    lock = ModelLock(
        source="mirror",
        endpoint=endpoint,
        id="a/b",
        revision=revision,
        resolved=resolved,
        files=(LockedFile(path="x", size_bytes=1, sha256=ONE, tensors=tensors),),
        engine={version: version},
    )
    assert decode_lock(encode_lock(LockFile(models=(lock,))), "x").models == (lock,)


def test_the_digest_is_of_the_content_alone() -> None:
    here = lock_of("a", "b", endpoint="https://one", revision="main", resolved="1")
    there = lock_of("b", "a", source="local", engine={"vllm": "1"})
    assert here.digest() == there.digest()
    assert here.digest() != lock_of("a", "c").digest()
    assert here.digest() != lock_of("a", "b", model_id="Qwen/tiny").digest()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a//b",
        "./a",
        "a/.",
        "a\\b",
        "C:x",
        "a\0b",
        "a\nb",
        "con",
        "sub/NUL.json",
        "COM1.txt",
        "x.",
        "x ",
        " x",
        "a" * 256,
        "/".join(["a" * 200] * 6),
        "\ud800",
    ],
)
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(LockError):
        check_path(path)
    with pytest.raises(LockError):
        encode_lock(LockFile(models=(lock_of("ok", path),)))


@pytest.mark.parametrize(
    "paths",
    [("a", "A"), ("é", "e\u0301"), ("dir/x", "DIR/y"), ("a", "a/b"), ("x", "x"), ("straße", "STRASSE")],
)
def test_files_that_would_be_one_are_refused(paths: tuple[str, ...]) -> None:
    with pytest.raises(LockError):
        encode_lock(LockFile(models=(lock_of(*paths),)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format = 1", "format = 2"),
        ("format = 1", ""),
        ("size_bytes = 3", "size_bytes = 4"),
        ("size_bytes = 3", "size_bytes = -1"),
        ("size_bytes = 3", "size_bytes = 99999999999999999999999999"),
        (f'sha256 = "{ONE}"', f'sha256 = "{TWO}"'),
        (f'sha256 = "{ONE}"', f'sha256 = "{ONE.upper()}"'),
        ('path = "config.json"', 'path = "../config.json"'),
        ('path = "config.json"', 'path = "config.json"\nevil = 1'),
        ('source = "modelscope"', 'source = "elsewhere"'),
        ('id = "Qwen/Tiny"', 'id = "Qwen/Tiny/x"'),
        ("[[model]]", "[[model]\n"),
        ("[[model]]", "x = " + "[" * 100_000),
    ],
)
def test_a_lock_that_was_tampered_with_is_refused(old: str, new: str) -> None:
    text = encode_lock(LockFile(models=(lock_of("config.json"),))).decode()
    assert old in text
    with pytest.raises(LockError):
        decode_lock(text.replace(old, new, 1).encode(), "models.lock")


def test_a_lock_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(LockError):
        read_lock(tmp_path / "models.lock")
    (tmp_path / "models.lock").write_bytes(b"\xff\xfe")
    with pytest.raises(LockError):
        read_lock(tmp_path / "models.lock")


def test_models_are_found_whatever_the_case() -> None:
    file = LockFile().with_model(lock_of("a")).with_model(lock_of("b", model_id="Qwen/Other"))
    found = file.find("qwen/tiny")
    assert found is not None
    assert found.id == "Qwen/Tiny"
    assert file.find("qwen/none") is None
    assert len(file.with_model(lock_of("c")).models) == 2
    with pytest.raises(LockError):
        encode_lock(LockFile(models=(lock_of("a"), lock_of("a", model_id="qwen/tiny"))))


@pytest.mark.parametrize(
    "model_id", ["", "a/b/c", "../b", "a/..", "a-/b", "a/-b", "-a", "a%2fb", "a\\b", "a/"]
)
def test_ids_that_are_refused(model_id: str) -> None:
    with pytest.raises(LockError):
        check_model_id(model_id)


def test_no_two_ids_share_a_directory() -> None:
    ids = ["a/b", "a--b", "a--b/c", "a/b--c", "a---b", "a", "a-b", "a/b-c", "a-b/c", "a--b--c"]
    assert len({directory_name(model_id) for model_id in ids}) == len(ids)
    for model_id in [*ids, "Qwen/Qwen3-VL-2B-Instruct"]:
        assert model_id_of(directory_name(model_id)) == model_id
