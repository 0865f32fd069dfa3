from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.errors import SettingsError
from huiyan.sources.choose import choose
from huiyan.sources.offline import Network
from huiyan.sources.options import StoreOptions


def named(hub: str, *, fallback: bool = True) -> list[tuple[str, str]]:
    return [
        (source.name, source.endpoint)
        for source in choose(hub, StoreOptions.model_validate({}), Network(), fallback=fallback)
    ]


def test_a_hub_that_fails_is_followed_by_the_other() -> None:
    modelscope, huggingface = (
        ("modelscope", "https://modelscope.cn"),
        ("huggingface", "https://huggingface.co"),
    )
    assert named("modelscope") == [modelscope, huggingface]
    assert named("HuggingFace") == [huggingface, modelscope]
    assert named("huggingface", fallback=False) == [huggingface]
    assert named("huggingface,modelscope") == [huggingface, modelscope]


@pytest.mark.parametrize(
    ("hub", "name", "endpoint"),
    [
        ("file:///srv/models", "local", "file:///srv/models"),
        ("file:///srv/my%20models", "local", "file:///srv/my%20models"),
        ("https://mirror.example/models/", "mirror", "https://mirror.example/models"),
        ("http://10.0.0.5:9000", "mirror", "http://10.0.0.5:9000"),
        ("huiyan+http://10.0.0.5:8100", "huiyan", "http://10.0.0.5:8100"),
        ("huiyan+https://machine.lan", "huiyan", "https://machine.lan"),
    ],
)
def test_what_somebody_named_is_not_replaced_by_anything(hub: str, name: str, endpoint: str) -> None:
    assert named(hub) == [(name, endpoint)]


@pytest.mark.parametrize(
    "hub",
    [
        "", ",", "ollama", "ftp://x/y", "file://relative", "file://host/share", "http://", "https://[::1",
        "http://h:99999999", "https://user:secret@mirror.example", "https://mirror.example/?token=1",
        "/srv/models",
    ],
)  # fmt: skip
def test_what_is_no_source_is_refused(hub: str) -> None:
    with pytest.raises(SettingsError) as caught:
        named(hub)
    assert "modelscope" in caught.value.hint


def test_the_store_lies_below_the_data_directory_unless_said_otherwise() -> None:
    assert StoreOptions.model_validate({}).directory(Path("/data")) == Path("/data/models")
    assert StoreOptions.model_validate({"store_dir": "/srv/store"}).directory(Path("/data")) == Path(
        "/srv/store"
    )


@pytest.mark.parametrize("content", [None, b"", b"\n", "密钥".encode(), b"two\nlines"])
def test_a_key_file_without_a_key_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    options = StoreOptions.model_validate({"key_file": path})
    with pytest.raises(SettingsError, match="No key"):
        choose("huiyan+http://machine.lan", options, Network())
