"""Which installed version a command runs in: this one, or the newer one that an upgrade has committed.

A full upgrade leaves the installation that somebody made by hand as it is, and puts the new version beside it
(`updates.versions`). The pointer below says which one counts. Looked at before anything else is imported, so
only the standard library is used; without a pointer this costs one failed `open`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

#: Below the data directory; written atomically by `updates.versions`.
POINTER: Final = Path("versions") / "selected.json"
#: Set to anything but 0 or nothing: this installation runs, whatever was committed.
IGNORE_VARIABLE: Final = "HUIYAN_IGNORE_SELECTED"
#: These go to the process of one version and must not be sent on to another by the pointer.
_INTERNAL: Final = ("--takeover-fd", "--rehearse-fd")
#: They would put this installation's modules in front of the other's.
_OF_THIS_PYTHON: Final = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


def other_python(arguments: Sequence[str]) -> str | None:
    """The interpreter of the version that was committed, where that is not this one."""
    if os.environ.get(IGNORE_VARIABLE, "0") not in ("", "0"):
        return None
    if any(word.split("=")[0] in _INTERNAL for word in arguments):
        return None
    pointer = _pointer(_data_dir(arguments))
    python = str(pointer.get("python", ""))
    if not python or not os.access(python, os.X_OK):
        return None
    if Path(python).parent.parent == Path(sys.prefix):
        return None
    from packaging.version import InvalidVersion, Version

    from huiyan import __version__

    try:
        # Somebody has installed an even newer one by hand since: that is the one they want.
        newer = Version(str(pointer.get("version", "0"))) > Version(__version__)
    except InvalidVersion:
        return None
    return python if newer else None


def run_in(python: str, arguments: Sequence[str]) -> NoReturn:
    """Become `huiyan ARGUMENTS` of another version: the same process. Raises: OSError."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(python, command(python, arguments), environment_of(os.environ))  # noqa: S606 - a list


def command(python: str, arguments: Sequence[str]) -> list[str]:
    return [python, "-P", "-X", "utf8", "-m", "huiyan", *arguments]


def environment_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The same settings for another installation's Python."""
    return {name: value for name, value in environment.items() if name not in _OF_THIS_PYTHON}


def of_this_python() -> dict[str, str]:
    """What `environment_of` takes away, for the way back."""
    return {name: os.environ[name] for name in _OF_THIS_PYTHON if name in os.environ}


def whole_environment() -> dict[str, str]:
    """Of this very process, for the same process with another version in it."""
    return dict(os.environ)


def _data_dir(arguments: Sequence[str]) -> Path:
    """As `load` finds it, without importing it."""
    given: str | None = None
    for number, word in enumerate(arguments):
        if word == "--data-dir" and number + 1 < len(arguments):
            given = arguments[number + 1]
        elif word.startswith("--data-dir="):
            given = word.partition("=")[2]
    given = given or os.environ.get("HUIYAN_DATA_DIR")
    if given is None:
        import platformdirs

        given = platformdirs.user_data_dir("huiyan")
    return Path(given).expanduser()


def _pointer(data_dir: Path) -> dict[str, Any]:
    try:
        with (data_dir / POINTER).open("rb") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
