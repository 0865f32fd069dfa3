"""What a wheel of huiyan says of itself, read without installing it. It may be somebody else's file."""

from __future__ import annotations

import email.parser
import hashlib
import platform
import re
import zipfile
from pathlib import Path
from typing import Final, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from huiyan.errors import ComponentMismatchError, UpdateError
from huiyan.messages import refusal

_MAX_METADATA_BYTES: Final = 1024 * 1024
_METADATA: Final = re.compile(r"[^/]+\.dist-info/METADATA")
_PIECE_BYTES: Final = 1024 * 1024


class WheelFacts(NamedTuple):
    """requires: its dependencies as pip writes them, without extras."""

    version: str
    requires: tuple[str, ...]


def read_wheel(wheel: Path) -> WheelFacts:
    """Raises: UpdateError for what is no wheel; ComponentMismatchError for one of something else."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [info for info in archive.infolist() if _METADATA.fullmatch(info.filename)]
            if len(names) != 1 or names[0].file_size > _MAX_METADATA_BYTES:
                raise refusal(UpdateError, "upgrade.no_wheel", path=wheel, reason="METADATA")
            text = archive.read(names[0]).decode("utf-8")
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or error
        raise refusal(UpdateError, "upgrade.no_wheel", path=wheel, reason=reason) from error
    head = email.parser.HeaderParser().parsestr(text)
    name, version = str(head.get("Name", "")), str(head.get("Version", ""))
    if name.lower() != "huiyan":
        raise refusal(ComponentMismatchError, "upgrade.other_package", path=wheel, name=name[:100])
    try:
        Version(version)
        python = SpecifierSet(str(head.get("Requires-Python", "")))
    except (InvalidVersion, InvalidSpecifier) as error:
        raise refusal(UpdateError, "upgrade.no_wheel", path=wheel, reason=error) from error
    here = platform.python_version()
    if not python.contains(here, prereleases=True):
        raise refusal(ComponentMismatchError, "upgrade.python", version=version, needs=python, here=here)
    requires = tuple(str(each) for each in head.get_all("Requires-Dist") or () if "extra ==" not in str(each))
    return WheelFacts(version, requires)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises: UpdateError."""
    hashed = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                hashed.update(piece)
    except OSError as error:
        raise refusal(UpdateError, "upgrade.unreadable", path=path, reason=error.strerror) from error
    return hashed.hexdigest()
