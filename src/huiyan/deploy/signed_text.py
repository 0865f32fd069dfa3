"""Text files that say who wrote them: what somebody else wrote, or changed since, is never replaced."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final, Literal

from huiyan.store.durable import failures_of

_MARK: Final = "# Written by `huiyan {command}`, sha256 of the rest: {digest}\n"
_READ: Final = re.compile(r"# Written by `huiyan [a-z0-9 ]+`, sha256 of the rest: ([0-9a-f]{64})\n")
#: Far more than anything written here; a larger file is somebody else's.
_MAX_BYTES: Final = 1024 * 1024

Owner = Literal["nobody", "huiyan", "changed", "other"]


def signed(text: str, *, command: str) -> str:
    """`text` under a line with its digest, a comment in units, YAML and TOML alike."""
    return _MARK.format(command=command, digest=_digest(text)) + text


def owner_of(path: Path) -> Owner:
    """Whose the file is: nobody's (it is not there), huiyan's as written, huiyan's but changed, or another's.

    A symbolic link is another's, whatever it leads to. Raises: StoreError.
    """
    with failures_of(path):
        if path.is_symlink():
            return "other"
        try:
            if not path.is_file():
                return "other" if path.exists() else "nobody"
            if path.stat().st_size > _MAX_BYTES:
                return "other"
            text = path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            return "nobody"
        except UnicodeDecodeError:
            return "other"
    found = _READ.match(text)
    if found is None:
        return "other"
    return "huiyan" if _digest(text[found.end() :]) == found[1] else "changed"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
