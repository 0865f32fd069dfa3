"""A release feed is somebody else's text: what fits is read, everything else is refused by name."""

from __future__ import annotations

import pytest

from huiyan.errors import ReleaseFeedError
from huiyan.updates.feed import parse

SHA = "ab" * 32
ADAPTER = f"""
schema = 1
name = "stable"
[[component]]
name = "prompt-adapter"
kind = "prompt-adapter"
version = "2026.11.1"
title = {{ zh = "商品文案", en = "Product copy" }}
[[component.files]]
path = "adapter.json"
url = "prompt-adapter/2026.11.1/adapter.json"
size_bytes = 40
sha256 = "{SHA}"
"""
VISION = f"""
schema = 1
[[component]]
name = "vision-encoder"
kind = "vision-encoder"
version = "2026.11.2"
min_huiyan = "0.1"
[component.base]
model = "Qwen/Qwen3-VL-8B-Instruct"
configs = {{ "config.json" = "{SHA}" }}
[component.tensors]
prefix = "model.visual."
lock = "locks/vision.lock"
lock_sha256 = "{SHA}"
"""


def test_an_adapter_and_weights_are_read() -> None:
    (adapter,) = parse(ADAPTER.encode()).component
    assert (adapter.name, adapter.size_bytes, adapter.title["zh"]) == ("prompt-adapter", 40, "商品文案")
    (vision,) = parse(VISION.encode()).component
    assert vision.tensors is not None
    assert vision.base is not None
    assert vision.tensors.prefix == "model.visual."
    assert vision.base.configs == {"config.json": SHA}


def test_the_newest_is_by_version_and_only_what_this_huiyan_takes() -> None:
    release = ADAPTER.split("[[component]]", 1)[1]
    feed = parse(
        (
            ADAPTER
            + "[[component]]"
            + release.replace("2026.11.1", "2026.11.10")
            + "[[component]]"
            + release.replace('"2026.11.1"', '"2027.1"\nmin_huiyan = "9"')
        ).encode()
    )
    newest = feed.newest("prompt-adapter", huiyan="0.1.0")
    assert newest is not None
    assert newest.version == "2026.11.10", "not by the alphabet, and not what needs huiyan 9"
    assert feed.newest("tool-none", huiyan="0.1.0") is None
    assert feed.names() == ("prompt-adapter",)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("schema = 1", "schema = 2", "schema 2"),
        ("schema = 1", "schema = ", "not TOML"),
        ('"adapter.json"', '"../adapter.json"', "no path below"),
        ('"adapter.json"', '"/etc/passwd"', "no path below"),
        ('"adapter.json"', '"a\\\\b"', "no path below"),
        ('"adapter.json"', '"a/./b"', "no path below"),
        ('"adapter.json"', '"CON:"', "no path below"),
        ('"prompt-adapter/2026.11.1/adapter.json"', '"file:///etc/passwd"', "no path below"),
        ('"prompt-adapter/2026.11.1/adapter.json"', '"https://user:pw@host/x"', "no address"),
        ('"prompt-adapter/2026.11.1/adapter.json"', '"https://host/a b"', "no address"),
        (f'"{SHA}"', '"abc"', "sha256"),
        ("size_bytes = 40", "size_bytes = -1", "size_bytes"),
        ("size_bytes = 40", "size_bytes = 40\nmode = 511", "mode"),
        ('version = "2026.11.1"', 'version = "newest"', "no version"),
        ('kind = "prompt-adapter"', 'kind = "kernel-module"', "kind"),
        ('kind = "prompt-adapter"', 'kind = "tool"', "begin with tool-"),
        ('kind = "prompt-adapter"', 'kind = "vision-encoder"', "`base`"),
        ('name = "prompt-adapter"', 'name = "../../x"', "name"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(old: str, new: str, says: str) -> None:
    assert old in ADAPTER
    with pytest.raises(ReleaseFeedError, match=None) as caught:
        parse(ADAPTER.replace(old, new, 1).encode())
    assert says in caught.value.message
    assert caught.value.hint


def test_one_release_named_twice_and_two_files_of_one_path() -> None:
    release = ADAPTER.split("[[component]]", 1)[1]
    with pytest.raises(ReleaseFeedError, match="twice"):
        parse((ADAPTER + "[[component]]" + release).encode())
    file = ADAPTER.split("[[component.files]]", 1)[1]
    with pytest.raises(ReleaseFeedError, match="one path"):
        parse((ADAPTER + "[[component.files]]" + file.replace("adapter.json", "Adapter.JSON")).encode())


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[" * 100_000, b"x" * (5 << 20), b"", b"schema = true"])
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(ReleaseFeedError):
        parse(data)
