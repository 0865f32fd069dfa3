"""Which names of files and models may be stored: they come from hubs, locks and archives of strangers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from huiyan.errors import LockError
from huiyan.messages import Text, refusal

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?\Z", re.IGNORECASE
)
#: Forbidden in a part of a path on one of the systems that a lock may travel to.
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')
_MAX_PART_BYTES = 255
_MAX_PATH_BYTES = 1024


def is_sha256(text: str) -> bool:
    """Lower-case hex, as every digest here is written."""
    return _SHA256.match(text) is not None


def check_path(path: str) -> str:
    """A file's path inside a model: relative, with forward slashes, the same file on every system.

    Returns it. Raises: LockError.
    """
    reason = _why_not(path)
    if reason is None and len(path.encode()) > _MAX_PATH_BYTES:
        reason = f"longer than {_MAX_PATH_BYTES} bytes"
    if reason is not None:
        raise refusal(LockError, "store.name_refused", name=ascii(path), reason=reason)
    return path


def check_paths(paths: Iterable[str]) -> None:
    """Each path, and that no two of them are one file where case or Unicode form does not count.

    Raises: LockError.
    """
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        folded = _folded(check_path(path))
        if folded in seen:
            raise refusal(
                LockError,
                "store.name_refused",
                name=ascii(path),
                reason=Text("reason.same_file", {"name": seen[folded]}),
            )
        seen[folded] = path
        parts, spelled = folded.split("/"), path.split("/")
        for end in range(1, len(parts)):
            folder, own = "/".join(parts[:end]), "/".join(spelled[:end])
            if folders.setdefault(folder, own) != own:
                raise refusal(
                    LockError,
                    "store.name_refused",
                    name=ascii(path),
                    reason=Text("reason.same_folder", {"name": folders[folder]}),
                )
    for folder in folders:
        if folder in seen:
            raise refusal(
                LockError,
                "store.name_refused",
                name=ascii(seen[folder]),
                reason=Text("reason.file_and_folder", {}),
            )


def check_model_id(model_id: str) -> str:
    """`name` or `owner/name`. Returns it. Raises: LockError."""
    reason = _why_not(model_id)
    if reason is None and model_id.count("/") > 1:
        reason = "more than owner/name"
    if reason is None and (
        "%" in model_id or model_id.startswith("-") or "/-" in model_id or "-/" in model_id
    ):
        reason = "a character that no model's name has"
    if reason is None and len(directory_name(model_id).encode()) > _MAX_PART_BYTES:
        reason = "too long"
    if reason is not None:
        raise refusal(LockError, "store.name_refused", name=ascii(model_id), reason=reason)
    return model_id


def directory_name(model_id: str) -> str:
    """`owner--name`. A `--` inside a part is written `-%2d`, so that no two ids share a directory."""
    return "--".join(part.replace("--", "-%2d") for part in model_id.split("/"))


def model_id_of(directory: str) -> str:
    """The inverse of `directory_name`."""
    return "/".join(part.replace("-%2d", "--") for part in directory.split("--", 1))


def same_but_for_case(left: str, right: str) -> bool:
    return _folded(left) == _folded(right)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _why_not(path: str) -> str | None:
    if not path:
        return "empty"
    try:
        path.encode()
    except UnicodeEncodeError:
        return "not Unicode text"
    if path.startswith("/"):
        return "absolute"
    return next(filter(None, map(_why_not_part, path.split("/"))), None)


def _why_not_part(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "an empty part, `.` or `..`"
    if _FORBIDDEN.search(part):
        return 'a control character or one of \\ : * ? " < > |'
    if part[-1] in " ." or part[0] == " ":
        return "a part that begins with a space, or ends with a space or a dot"
    if _RESERVED.match(part):
        return "a name reserved by Windows"
    if len(part.encode()) > _MAX_PART_BYTES:
        return f"a part longer than {_MAX_PART_BYTES} bytes"
    return None
