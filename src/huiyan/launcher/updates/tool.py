"""A tool: another version in its own directory, made and tried by the tools' installer, then pointed at.

The tool host notices what is current by itself, so that switching and selecting are one thing here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from packaging.version import InvalidVersion, Version

from huiyan.errors import ComponentMismatchError, ToolError
from huiyan.launcher.updates.component import OnBytes, Plan
from huiyan.messages import refusal
from huiyan.tools import install, records
from huiyan.tools.manifest import NAME as TOOL_NAME
from huiyan.tools.places import tools_directory
from huiyan.tools.sources import parse
from huiyan.updates.component_dirs import ComponentDirs
from huiyan.updates.feed import Component, FeedFile
from huiyan.updates.place import Place
from huiyan.updates.transaction import Staging

PREFIX: Final = "tool-"
_CARRIED: Final = (".whl", ".py")


class ToolTarget:
    kind = "tool"

    def __init__(self, data_dir: Path, tool: str) -> None:
        self.name = PREFIX + tool
        self.directory = tools_directory(data_dir) / tool
        self._data_dir = data_dir
        self._tool = tool

    def active(self) -> str:
        """The version's directory; "" where the tool is not installed."""
        try:
            return (self.directory / records.CURRENT).readlink().name
        except OSError:
            return ""

    def select(self, state: str) -> None:
        if state == self.active():
            return
        if state == "":
            install.remove(self._data_dir, self._tool)
        else:
            records.point_at(self.directory, state)

    async def apply(self, state: str) -> None:
        self.select(state)

    async def prove(self, state: str) -> None:
        """It was started once in its jail when it was made; here: that it is whole and current."""
        found = records.look(self.directory)
        if found is None or found.record.version != state:
            raise refusal(ToolError, "update.tool_not_current", name=self._tool)

    def has(self, state: str) -> bool:
        return state == "" or (self.directory / state / records.RECORD).is_file()


class ToolComponent:
    """`Replaceable`. environment: of uv. staged: where releases' files lie until they are installed."""

    kind = "tool"

    def __init__(self, data_dir: Path, tool: str, *, environment: Mapping[str, str]) -> None:
        self._data_dir = data_dir
        self._tool = tool
        self._environment = environment
        self._staged = ComponentDirs(data_dir / "components", PREFIX + tool)
        self.target = ToolTarget(data_dir, tool)

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def pause_s(self) -> float | None:
        """Calls that run end with the old version; nobody else waits."""
        return 0.0

    def version_of(self, state: str) -> str | None:
        return state.rpartition("-")[0] or state or None

    def has(self, state: str) -> bool:
        return self.target.has(state)

    def plan(self, release: Component, place: Place) -> Plan:
        _carried(release)
        return Plan(download_bytes=release.size_bytes, pause_s=0.0, how="next_call")

    def staging(self, release: Component, place: Place, on_bytes: OnBytes) -> Staging:
        return _ToolStaging(self, release, place, on_bytes)

    def keep(self, states: tuple[str, ...]) -> None:
        """The current version and the one before it, and the files that they were made from."""
        install.prune(self.target.directory, self.target.active())
        self._staged.keep(self._staged.states()[:2])

    async def make(self, release: Component, place: Place, on_bytes: OnBytes) -> str:
        """The new version, whole and tried, not yet current; its directory's name."""
        carried = _carried(release)
        done = 0

        def fetch(file: FeedFile) -> Iterator[bytes]:
            nonlocal done
            for piece in place.pieces(file.url):
                done += len(piece)
                on_bytes(min(done, release.size_bytes), release.size_bytes)
                yield piece

        state = await asyncio.to_thread(self._staged.stage, release, fetch)
        source = parse(str(self._staged.directory(state) / carried.path))
        made = await install.install(
            self._data_dir, source, environment=self._environment, name=self._tool, activate=False
        )
        if not _same_version(self.version_of(made.record.version), release.version):
            raise refusal(
                ComponentMismatchError,
                "update.tool_version",
                name=release.name,
                version=release.version,
                found=self.version_of(made.record.version),
            )
        return made.record.version


class _ToolStaging:
    def __init__(self, tool: ToolComponent, release: Component, place: Place, on_bytes: OnBytes) -> None:
        self._tool, self._release, self._place, self._on_bytes = tool, release, place, on_bytes

    async def stage(self) -> str:
        return await self._tool.make(self._release, self._place, self._on_bytes)


def installed(data_dir: Path) -> list[str]:
    """Names of the tools that are there."""
    return [found.record.name for found in records.installed(tools_directory(data_dir))]


def tool_of(component: str) -> str | None:
    """The tool's name in a component's; None where it is no tool's."""
    tool = component.removeprefix(PREFIX)
    return tool if component.startswith(PREFIX) and TOOL_NAME.fullmatch(tool) else None


def _same_version(found: str | None, wanted: str) -> bool:
    try:
        return found is not None and Version(found) == Version(wanted)
    except InvalidVersion:
        return found == wanted


def _carried(release: Component) -> FeedFile:
    """The one file that is installed. Raises: ComponentMismatchError."""
    found = [file for file in release.files if file.path.endswith(_CARRIED)]
    if len(found) != 1:
        raise refusal(ComponentMismatchError, "update.tool_file", name=release.name)
    return found[0]
