"""Whether a model's directory has every file that its engine will ask for, before the engine is started.

An engine that misses a processor says so minutes later, after it has read gigabytes, and in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

import msgspec

from huiyan.errors import SnapshotIncompleteError, TensorHeaderError
from huiyan.messages import refusal
from huiyan.store.catalogue import is_projector
from huiyan.store.tensors import read_index

_MAX_JSON_BYTES: Final = 64 * 1024 * 1024
_PART: Final = re.compile(r"^(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.(?P<kind>gguf|safetensors)$")

#: What each is there for → the files of which one has to be there (a tuple: all of it).
_NEEDS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "config": (("config.json",),),
    "processor": (("preprocessor_config.json",), ("processor_config.json",)),
    "tokenizer": (("tokenizer.json",), ("vocab.json", "merges.txt"), ("tokenizer.model",)),
    "tokenizer_config": (("tokenizer_config.json",),),
}


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """path: of the file, or the usual one of several that would do. needed: the engine fails without it.

    Where it is not needed, the engine goes on with something else than what the publisher meant.
    """

    path: str
    purpose: str
    needed: bool = True


def missing(paths: Collection[str], read: Callable[[str], bytes] | None = None) -> list[Missing]:
    """What a model with these files lacks.

    paths: relative, POSIX. read: gives a file's bytes; None where only names are known, as before a fetch.
    """
    here = set(paths)
    models = [path for path in here if path.lower().endswith(".gguf")]
    if models and not any(path.endswith(".safetensors") for path in here):
        return _gguf(models)
    found = [
        Missing(path=choices[0][0], purpose=purpose)
        for purpose, choices in _NEEDS.items()
        if not any(here.issuperset(choice) for choice in choices)
    ]
    if not _has_template(here, read):
        found.append(Missing(path="chat_template.json", purpose="chat_template"))
    if "generation_config.json" not in here:
        found.append(Missing(path="generation_config.json", purpose="sampling", needed=False))
    return [*found, *_weights(here, read)]


def missing_in(directory: Path) -> list[Missing]:
    """What a model's directory lacks."""
    paths = [
        path.relative_to(directory).as_posix() for path in sorted(directory.rglob("*")) if path.is_file()
    ]
    return missing(paths, lambda name: _read(directory / name))


def check(directory: Path, *, model_id: str) -> list[Missing]:
    """What is missing without being needed. Raises: SnapshotIncompleteError for what is."""
    lacking = missing_in(directory)
    needed = [each.path for each in lacking if each.needed]
    if needed:
        raise refusal(
            SnapshotIncompleteError, "models.incomplete", id=model_id, paths=", ".join(sorted(needed)[:10])
        )
    return lacking


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_JSON_BYTES)


def _gguf(ggufs: Collection[str]) -> list[Missing]:
    models = [path for path in ggufs if not is_projector(path)]
    found = _parts(ggufs)
    if not models:
        found.append(Missing(path="*.gguf", purpose="weights"))
    if len(models) == len(ggufs):
        found.append(Missing(path="mmproj-*.gguf", purpose="projector"))
    return found


def _weights(here: Collection[str], read: Callable[[str], bytes] | None) -> list[Missing]:
    shards = [path for path in here if path.endswith(".safetensors")]
    index = "model.safetensors.index.json"
    if not shards:
        return [Missing(path="model.safetensors", purpose="weights")]
    if index not in here:
        if "model.safetensors" in here:
            return []
        return [Missing(path=index, purpose="weights"), *_parts(shards)]
    if read is None:
        return _parts(shards)
    try:
        named = set(read_index(read(index)).values())
    except (TensorHeaderError, OSError):
        return [Missing(path=index, purpose="weights")]
    return [Missing(path=path, purpose="weights") for path in sorted(named.difference(here))]


def _parts(paths: Collection[str]) -> list[Missing]:
    """Parts that the names of others say there are."""
    found: set[str] = set()
    for path in paths:
        if (match := _PART.match(path)) is not None and int(match["count"]) <= 1000:
            found |= {
                f"{match['stem']}-{number:05}-of-{match['count']}.{match['kind']}"
                for number in range(1, int(match["count"]) + 1)
            }
    return [Missing(path=path, purpose="weights") for path in sorted(found.difference(paths))]


def _has_template(here: Collection[str], read: Callable[[str], bytes] | None) -> bool:
    if not {"chat_template.jinja", "chat_template.json"}.isdisjoint(here):
        return True
    if "tokenizer_config.json" not in here:
        return False
    if read is None:
        return True  # it may hold one; only its bytes tell
    try:
        config = msgspec.json.decode(read("tokenizer_config.json"), type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, OSError):
        return False
    return bool(config.get("chat_template"))
