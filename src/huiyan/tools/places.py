"""Where tools lie in the data directory, and where their host listens.

<data_dir>/tools/<name>/current -> <version>     replaced by rename
<data_dir>/tools/<name>/<version>/record.json    what is installed; beside it the environment and the lock
<data_dir>/tools/<name>/grants.json              what the administrator allows
<data_dir>/tools/<name>/log.txt                  what the tool said
<data_dir>/tools/<name>/work/                    the tool's own directory, emptied at each start
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

#: Run as `python -m`, a child of the launcher.
HOST_MODULE: Final = "huiyan.tools.host"

#: sun_path holds 104 bytes on macOS and 108 on Linux, with its closing zero.
_MAX_PATH_BYTES: Final = 100

#: Of huiyan's data directory: keys, sockets, other people's pictures. No tool sees them.
_PRIVATE: Final = ("state", "run", "images", "logs")


def tools_directory(data_dir: Path) -> Path:
    return data_dir / "tools"


def private_directories(data_dir: Path) -> list[Path]:
    """What no tool may see: huiyan's state, and the short directories in which its sockets may lie."""
    elsewhere = Path(tempfile.gettempdir()).glob("huiyan-*")
    return [*(data_dir / name for name in _PRIVATE), *(path for path in elsewhere if path.is_dir())]


def socket_path(data_dir: Path) -> Path:
    """Where the host listens; the same for everybody who knows the data directory.

    A path that is too long for a socket is replaced by one in a directory of this user's under the
    temporary one.
    """
    path = data_dir / "run" / "tools.sock"
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"huiyan-{os.getuid()}-{digest}" / "tools.sock"


def private_parent(path: Path) -> None:
    """Make the directory of a socket, with mode 0700. Raises: OSError, also if it is somebody else's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.is_symlink() or path.parent.stat().st_uid != os.getuid():
        raise PermissionError(f"{path.parent} belongs to somebody else.")
    path.parent.chmod(0o700)
