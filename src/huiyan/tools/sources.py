"""From what somebody typed after `huiyan tools add` to an environment with a command in it."""

from __future__ import annotations

import configparser
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from huiyan.errors import ToolInstallError, ToolManifestError
from huiyan.messages import refusal
from huiyan.store.manifest import write_atomic
from huiyan.tools import manifest as manifests
from huiyan.tools.manifest import NAME, Manifest
from huiyan.tools.records import Source
from huiyan.tools.uv import Uv, digest

#: Inline metadata of a script. Source: PyPA, "Inline script metadata", its reference implementation's shape.
_BLOCK: Final = re.compile(r"^# /// script\s*$\n(?P<body>(?:^#(?: .*)?$\n)+?)^# ///\s*$", re.MULTILINE)
_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
#: Of a version, what is installed; in a tool's directory, what it wants to be installed.
LOCK_NAME: Final = "requirements.lock"
_MAX_SCRIPT_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Made:
    """A version that is whole but not current. command: relative to its directory, or absolute."""

    name: str
    version: str
    manifest: Manifest
    command: list[str]
    url: str = ""


def parse(given: str) -> Source:
    """Raises: ToolInstallError."""
    if given.startswith(("http://", "https://")):
        if not urlsplit(given).hostname:
            raise refusal(ToolInstallError, "tool.no_address", given=given)
        return Source(kind="url", given=given)
    path = Path(given).expanduser()
    if given.strip() and path.is_dir():
        return Source(kind="directory", given=str(path.resolve()))
    if path.is_file() and path.suffix in (".py", ".whl"):
        return Source(kind="script" if path.suffix == ".py" else "wheel", given=str(path.resolve()))
    if path.exists() or given.startswith((".", "/", "~")) or not _REQUIREMENT.match(given):
        raise refusal(ToolInstallError, "tool.no_tool", given=given)
    return Source(kind="package", given=given)


async def make(source: Source, directory: Path, uv: Uv) -> Made:
    """Fill `directory` with an environment. Raises: ToolInstallError, ToolManifestError, OSError."""
    if source.kind == "url":
        host = urlsplit(source.given).hostname or "server"
        return Made(
            name=_name(host), version="1", manifest=Manifest(network=True), command=[], url=source.given
        )
    python = await uv.make(directory / "env")
    lock = directory / LOCK_NAME
    if source.kind == "script":
        return await _script(Path(source.given), directory, python, lock, uv)
    if source.kind == "package":
        await uv.lock(python, [source.given], lock)
        await uv.install(python, lock)
        found = _REQUIREMENT.match(source.given)
        assert found is not None
        return _installed(directory, found[1], lock)
    wheel = Path(source.given)
    own = brought = None
    if source.kind == "directory":
        own, brought = wheel / manifests.FILE_NAME, wheel / LOCK_NAME
        wheel = await uv.build(wheel, directory / "dist")
    name = _normal(wheel.name.split("-")[0])
    if brought is not None and brought.is_file():
        # Its author's lock: the same bytes as were tested, and nothing to resolve.
        write_atomic(lock, brought.read_bytes())
    else:
        await uv.lock(python, [f"{wheel.name.split('-')[0]} @ {wheel.as_uri()}"], lock)
        # What was built here has no hash that anybody could check; the rest of the lock has.
        _without(lock, name)
    await uv.install(python, lock)
    await uv.install_wheel(python, wheel)
    if brought is not None and brought.is_file():
        await uv.check(python)  # a lock that is older than what the package asks for
    return _installed(directory, name, lock, wheel, own=own)


async def _script(script: Path, directory: Path, python: Path, lock: Path, uv: Uv) -> Made:
    text = _text_of(script)
    metadata = inline_metadata(text)
    requirements = metadata.get("dependencies", [])
    if not isinstance(requirements, list):
        raise refusal(ToolManifestError, "tool.dependencies", name=script.name)
    await uv.lock(python, [str(each) for each in requirements], lock)
    await uv.install(python, lock)
    write_atomic(directory / "tool.py", text.encode("utf-8"))
    described = manifests.of(metadata.get("tool", {}).get("huiyan", {}))
    name = described.name or _name(script.stem)
    version = f"{described.version or '0'}-{digest(lock, script)}"
    command = described.command or ["env/bin/python", "tool.py"]
    return Made(name=name, version=version, manifest=described, command=command)


def _text_of(script: Path) -> str:
    if script.stat().st_size > _MAX_SCRIPT_BYTES:
        raise refusal(ToolInstallError, "tool.script_large", path=script, limit_bytes=_MAX_SCRIPT_BYTES)
    try:
        return script.read_text("utf-8")
    except UnicodeDecodeError:
        raise refusal(ToolInstallError, "tool.script_text", path=script) from None


def inline_metadata(text: str) -> dict[str, Any]:
    """The metadata in a script's head; nothing where there is none. Raises: ToolManifestError."""
    found = _BLOCK.search(text.replace("\r\n", "\n"))
    if found is None:
        return {}
    lines = [line[2:] if line.startswith("# ") else line[1:] for line in found["body"].splitlines()]
    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        raise refusal(ToolManifestError, "tool.metadata", reason=error) from None


def _installed(directory: Path, wanted: str, lock: Path, *more: Path, own: Path | None = None) -> Made:
    """What is in an environment, read from its files: nothing of it runs."""
    packages = next((directory / "env" / "lib").glob("python*/site-packages"))
    normal = _normal(wanted)
    infos = packages.glob("*.dist-info")
    info = next(
        (d for d in infos if _normal(d.name.removesuffix(".dist-info").rpartition("-")[0]) == normal), None
    )
    if info is None:
        raise refusal(ToolInstallError, "tool.package_missing", name=wanted)
    version = info.name.removesuffix(".dist-info").rpartition("-")[2]
    text = _manifest_text(packages, info, own)
    described = manifests.read(text) if text is not None else Manifest()
    command = described.command or _command(info, normal)
    if "/" not in command[0]:
        command = [f"env/bin/{command[0]}", *command[1:]]
    if not (directory / command[0]).is_file() or ".." in Path(command[0]).parts:
        raise refusal(ToolManifestError, "tool.command_missing", command=command[0])
    name = described.name or _name(normal)
    return Made(name=name, version=f"{version}-{digest(lock, *more)}", manifest=described, command=command)


def _manifest_text(packages: Path, info: Path, own: Path | None) -> str | None:
    """The manifest of a directory, or the one that lies in the package."""
    if own is not None and own.is_file():
        return own.read_text("utf-8")
    record = info / "RECORD"
    lines = record.read_text("utf-8").splitlines() if record.is_file() else []
    for line in lines:
        inside = line.partition(",")[0]
        if inside.rpartition("/")[2] == manifests.FILE_NAME:
            path = (packages / inside).resolve()
            if path.is_relative_to(packages.parent.parent.parent.resolve()):
                return path.read_text("utf-8")
    return None


def _command(info: Path, normal: str) -> list[str]:
    scripts = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    scripts.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    if (points := info / "entry_points.txt").is_file():
        scripts.read_string(points.read_text("utf-8"))
    names = list(scripts["console_scripts"]) if scripts.has_section("console_scripts") else []
    same = [name for name in names if _normal(name) == normal]
    if same or len(names) == 1:
        return [f"env/bin/{(same or names)[0]}"]
    offered = ", ".join(names) or "-"
    raise refusal(ToolInstallError, "tool.no_command", offered=offered, file=manifests.FILE_NAME)


def _without(lock: Path, name: str) -> None:
    """Take one package's lines out of a lock."""
    kept: list[str] = []
    dropping = False
    for line in lock.read_text("utf-8").splitlines():
        if not line.startswith((" ", "\t")):
            found = _REQUIREMENT.match(line)
            dropping = found is not None and _normal(found[1]) == name
        if not dropping:
            kept.append(line)
    lock.write_text("".join(f"{line}\n" for line in kept), "utf-8")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _name(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
    return name if NAME.fullmatch(name) else "tool"
