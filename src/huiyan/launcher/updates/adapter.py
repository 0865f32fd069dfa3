"""The prompt adapter: a directory that the gateway reads, and from the next request on follows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from huiyan.errors import ComponentMismatchError, DigestMismatchError, SettingsError
from huiyan.gateway import adapter as adapters
from huiyan.launcher.updates.component import How, OnBytes, Plan
from huiyan.launcher.updates.staging import ThreadStaging
from huiyan.messages import advice_of, cause_of, refusal
from huiyan.updates import golden
from huiyan.updates.component_dirs import ComponentDirs
from huiyan.updates.feed import Component, FeedFile
from huiyan.updates.place import Place
from huiyan.updates.transaction import Staging

NAME: Final = "prompt-adapter"
_TEMPLATE: Final = "chat_template.jinja"
_MANIFEST: Final = "adapter.json"
#: Of one file of an adapter; larger ones are somebody's mistake.
_MAX_FILE_BYTES: Final = 4 * 1024 * 1024


def directories(data_dir: Path) -> ComponentDirs:
    return ComponentDirs(data_dir / "components", NAME)


def template_of(directory: Path | None) -> str:
    """The adapter's chat template; "" where it has none, and the model's own is used."""
    try:
        return "" if directory is None else (directory / _TEMPLATE).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def active_template(data_dir: Path) -> str:
    """That of the adapter which the next start uses."""
    dirs = directories(data_dir)
    active = dirs.active()
    return template_of(dirs.directory(active)) if active else ""


class AdapterHost(Protocol):
    """The running gateway and engine, as this component sees them."""

    def model_template(self) -> str | None:
        """The chat template that the engine uses by itself, where it can be read."""

    def expects_adapter(self, *, other_template: bool) -> tuple[How, float | None]:
        """How another adapter is taken up, and for how many seconds new requests would wait."""

    async def use_adapter(self, directory: Path | None, installed: Sequence[Path]) -> float:
        """From the next request on. None: huiyan's own. installed: those that a request may name.

        Returns for how many seconds requests waited. Raises: HuiyanError; then the one before stays.
        """

    async def prove_adapter(self) -> None:
        """Ask something through the gateway. Raises: HuiyanError."""


class AdapterTarget:
    name = NAME
    kind = NAME

    def __init__(self, dirs: ComponentDirs, host: AdapterHost | None) -> None:
        self._dirs = dirs
        self._host = host
        self.pause_s: float | None = None

    def active(self) -> str:
        return self._dirs.active()

    def select(self, state: str) -> None:
        self._dirs.select(state)

    async def apply(self, state: str) -> None:
        if self._host is not None:
            directory = self._dirs.directory(state) if state else None
            self.pause_s = await self._host.use_adapter(directory, self._dirs.installed())

    async def prove(self, state: str) -> None:
        if self._host is not None:
            await self._host.prove_adapter()


class PromptAdapter:
    """`Replaceable`. host: None while nothing runs."""

    name = NAME
    kind = NAME

    def __init__(self, data_dir: Path, *, host: AdapterHost | None) -> None:
        self._dirs = directories(data_dir)
        self._host = host
        self.target = AdapterTarget(self._dirs, host)

    @property
    def pause_s(self) -> float | None:
        return self.target.pause_s

    def version_of(self, state: str) -> str | None:
        if state == "":
            return "built-in"
        release = self._dirs.release(state)
        return None if release is None else release.version

    def has(self, state: str) -> bool:
        return self._dirs.has(state)

    def plan(self, release: Component, place: Place) -> Plan:
        """With what the new template makes of conversations, and which settings change."""
        files = {file.path: file for file in release.files}
        changes = [("adapter.json", self._settings_diff(files.get(_MANIFEST), place))]
        new = _text(files[_TEMPLATE], place) if _TEMPLATE in files else None
        old = self._template()
        if new is not None and old is not None:
            own = [
                golden.parse_one(path, _bytes(file, place))
                for path, file in files.items()
                if path.startswith("golden/") and path.endswith(".json")
            ]
            changes += [(change.name, change.diff) for change in golden.compare(old, new, own)]
        how: How = "next_start"
        pause_s: float | None = 0.0
        if self._host is not None:
            now = template_of(self._dirs.directory(active) if (active := self._dirs.active()) else None)
            how, pause_s = self._host.expects_adapter(other_template=(new or "") != now)
        return Plan(
            download_bytes=release.size_bytes,
            pause_s=pause_s,
            how=how,
            changes=tuple((name, diff) for name, diff in changes if diff),
        )

    def staging(self, release: Component, place: Place, on_bytes: OnBytes) -> Staging:
        def make(told: OnBytes) -> str:
            done = 0

            def fetch(file: FeedFile) -> Iterator[bytes]:
                nonlocal done
                for piece in place.pieces(file.url):
                    done += len(piece)
                    told(min(done, release.size_bytes), release.size_bytes)
                    yield piece

            state = self._dirs.stage(release, fetch)
            self._check(self._dirs.directory(state))
            return state

        return ThreadStaging(make, on_bytes)

    def keep(self, states: tuple[str, ...]) -> None:
        self._dirs.keep(states)

    def _check(self, directory: Path) -> None:
        """Nobody is served with an adapter that cannot be read, or whose template fails its conversations."""
        try:
            found = adapters.load(directory)
        except SettingsError as error:
            raise refusal(
                ComponentMismatchError, "told", said=cause_of(error), advice=advice_of(error)
            ) from error
        if found.chat_template is not None:
            golden.check(found.chat_template, golden.read(directory))

    def _template(self) -> str | None:
        """What is used now: the active adapter's template, or the model's own."""
        active = self._dirs.active()
        path = self._dirs.directory(active) / _TEMPLATE
        if active and path.is_file():
            return path.read_text("utf-8")
        return None if self._host is None else self._host.model_template()

    def _settings_diff(self, file: FeedFile | None, place: Place) -> str:
        if file is None:
            raise refusal(ComponentMismatchError, "update.adapter_without", file=_MANIFEST)
        active = self._dirs.active()
        path = self._dirs.directory(active) / _MANIFEST
        before = path.read_text("utf-8") if active and path.is_file() else "{}"
        return golden.diff_of(before, _text(file, place))


def _bytes(file: FeedFile, place: Place) -> bytes:
    """A small file of a release, held against its digest. Raises: ReleaseFeedError, DigestMismatchError."""
    data = bytearray()
    for piece in place.pieces(file.url):
        data += piece
        if len(data) > min(file.size_bytes, _MAX_FILE_BYTES):
            break
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise refusal(DigestMismatchError, "update.digest", path=file.path)
    return bytes(data)


def _text(file: FeedFile, place: Place) -> str:
    try:
        return _bytes(file, place).decode("utf-8")
    except UnicodeDecodeError:
        raise refusal(ComponentMismatchError, "update.no_text", path=file.path) from None
