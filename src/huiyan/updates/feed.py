"""A release feed: `components.toml`, which components there are, and what each needs and consists of.

A feed is written by `huiyan release make` and read by `huiyan update`; docs/reference/components.md has its
schema. It comes from somebody else's server: every name, path, number and version in it is held against a
narrow form before anything is done with it, and every byte it names is held against a SHA-256.
"""

from __future__ import annotations

import tomllib
from typing import Annotated, Final, Literal

import msgspec
from packaging.version import InvalidVersion, Version

from huiyan.errors import ReleaseFeedError
from huiyan.messages import refusal

FEED_NAME: Final = "components.toml"
SCHEMA: Final = 1
_MAX_FEED_BYTES: Final = 4 * 1024 * 1024

Kind = Literal["vision-encoder", "prompt-adapter", "tool", "huiyan"]

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
#: Also a directory's name: no separator, no leading dot.
Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,63}$")]
_Text = Annotated[str, msgspec.Meta(max_length=2000)]
#: Of a hub: owner/name.
_ModelId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}\Z")]


class FeedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a component.

    path: below the component's directory. url: relative to the feed, or absolute.
    """

    path: str
    url: str
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=1 << 44)]
    sha256: Sha256


class Base(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the component belongs to. configs: files that must have these digests, so that shapes match."""

    model: _ModelId
    configs: dict[str, Sha256] = {}


class Tensors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weights, as those tensors of a model whose names begin with `prefix`.

    lock: models.lock of the complete new model, relative to the feed; lock_sha256: of that file.
    """

    prefix: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.]{1,128}\Z")]
    lock: str
    lock_sha256: Sha256


class Projector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a vision encoder as one GGUF file, which llama.cpp calls mmproj: what has to fit the model.

    type: of the merger that ends it. width: of the embeddings that it makes. patch_px: side of a patch.
    form_sha256: of the names and shapes of its tensors (`updates.projector.form_sha256`).
    """

    type: Annotated[str, msgspec.Meta(max_length=100)]
    width: Annotated[int, msgspec.Meta(ge=1, le=1 << 24)]
    patch_px: Annotated[int, msgspec.Meta(ge=1, le=1 << 16)]
    form_sha256: Sha256


class Component(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One release of one component. min_huiyan: the oldest huiyan that can take it."""

    name: Name
    kind: Kind
    version: Annotated[str, msgspec.Meta(max_length=64)]
    min_huiyan: Annotated[str, msgspec.Meta(max_length=64)] = "0"
    title: dict[str, _Text] = {}
    notes: dict[str, _Text] = {}
    base: Base | None = None
    tensors: Tensors | None = None
    projector: Projector | None = None
    files: tuple[FeedFile, ...] = ()

    @property
    def parsed_version(self) -> Version:
        return Version(self.version)

    @property
    def size_bytes(self) -> int:
        """Of its files; a tensor component's bytes are in its lock."""
        return sum(file.size_bytes for file in self.files)


class Feed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: int
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    component: tuple[Component, ...] = ()

    def newest(self, name: str, *, huiyan: str) -> Component | None:
        """The newest release of `name` that this huiyan can take."""
        fitting = [
            each
            for each in self.component
            if each.name == name and Version(each.min_huiyan) <= Version(huiyan)
        ]
        return max(fitting, key=lambda each: each.parsed_version, default=None)

    def find(self, name: str, version: str) -> Component | None:
        """This very release; versions that are written otherwise and mean the same count as the same."""
        try:
            wanted = Version(version)
        except InvalidVersion:
            return None
        return next(
            (each for each in self.component if each.name == name and each.parsed_version == wanted), None
        )

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.name for each in self.component))


def parse(data: bytes) -> Feed:
    """A feed from the bytes of its file. Raises: ReleaseFeedError, which names what is wrong in it."""
    if len(data) > _MAX_FEED_BYTES:
        raise refusal(
            ReleaseFeedError, "release_feed.too_large", size_bytes=len(data), limit_bytes=_MAX_FEED_BYTES
        )
    try:
        raw = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise refusal(ReleaseFeedError, "release_feed.no_toml", reason=error) from None
    if raw.get("schema") != SCHEMA:
        raise refusal(ReleaseFeedError, "release_feed.schema", found=raw.get("schema"), known=SCHEMA)
    try:
        feed = msgspec.convert(raw, Feed)
    except msgspec.ValidationError as error:
        raise refusal(ReleaseFeedError, "release_feed.no_feed", reason=error) from None
    seen: set[tuple[str, str]] = set()
    for component in feed.component:
        _check(component)
        if (component.name, component.version) in seen:
            raise refusal(
                ReleaseFeedError, "release_feed.twice", name=component.name, version=component.version
            )
        seen.add((component.name, component.version))
    return feed


def _check(component: Component) -> None:
    where = f"{component.name} {component.version}"
    for version in (component.version, component.min_huiyan):
        try:
            Version(version)
        except InvalidVersion:
            raise refusal(ReleaseFeedError, "release_feed.no_version", where=where, version=version) from None
    for file in component.files:
        check_path(file.path, where)
        check_url(file.url, where)
    paths = [file.path.casefold() for file in component.files]
    if len(set(paths)) != len(paths):
        raise refusal(ReleaseFeedError, "release_feed.one_path", where=where)
    if component.kind == "vision-encoder":
        _check_vision(component, where)
    elif not component.files:
        raise refusal(ReleaseFeedError, "release_feed.no_file", where=where)
    for path in component.base.configs if component.base is not None else ():
        check_path(path, where)
    if (component.kind == "huiyan") != (component.name == "huiyan"):
        raise refusal(ReleaseFeedError, "release_feed.name_huiyan", where=where)
    if component.kind == "tool" and not component.name.startswith("tool-"):
        raise refusal(ReleaseFeedError, "release_feed.name_tool", where=where)


def _check_vision(component: Component, where: str) -> None:
    if component.base is None:
        raise refusal(ReleaseFeedError, "release_feed.no_base", where=where)
    if (component.tensors is None) == (component.projector is None):
        raise refusal(ReleaseFeedError, "release_feed.weights", where=where)
    if component.tensors is not None:
        check_url(component.tensors.lock, where)
    elif len(component.files) != 1 or not component.files[0].path.lower().endswith(".gguf"):
        raise refusal(ReleaseFeedError, "release_feed.projector", where=where)


def check_path(path: str, where: str) -> None:
    """A path below a directory, the same on every system. Raises: ReleaseFeedError."""
    parts = path.split("/")
    if (
        not path
        or len(path) > 512
        or any(part in ("", ".", "..") or part.endswith((" ", ".")) for part in parts)
        or any(ord(character) < 32 or character in '\\:*?"<>|' for character in path)
    ):
        raise refusal(ReleaseFeedError, "release_feed.path", where=where, path=path)


def check_url(url: str, where: str) -> None:
    """A relative path beside the feed, or http(s). Raises: ReleaseFeedError."""
    if url.startswith(("https://", "http://")):
        if (
            any(ord(character) <= 32 or ord(character) == 127 for character in url)
            or "@" in url.split("/")[2]
        ):
            raise refusal(ReleaseFeedError, "release_feed.address", where=where, url=url)
        return
    check_path(url, where)
