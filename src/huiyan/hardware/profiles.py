"""The profiles of profiles.toml: named wishes and bounds."""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from importlib.resources import files
from typing import Final

import msgspec

from huiyan.errors import SettingsError
from huiyan.hardware.gpu import Gpu
from huiyan.hardware.model_shape import KvDtype
from huiyan.hardware.plan.flags import LoadStrategy
from huiyan.messages import refusal

AUTO: Final = "auto"

#: What the driver keeps of a card that cannot be asked (480 MiB of an H100, 357 MiB of an RTX 4090).
_RESERVED_BYTES: Final = 480 * 1024**2

_UNITS: Final = {"": 1024**3, "G": 1024**3, "GB": 1024**3, "GIB": 1024**3, "M": 1024**2, "MIB": 1024**2}


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of profiles.toml. None: left open. share: of the card, everything counted."""

    zh: str
    en: str
    card: str | None = None
    model: str | None = None
    quantization: str | None = None
    users: int | None = None
    images: int | None = None
    image_size: str | None = None
    context: int | None = None
    share: float = 1.0
    kv_cache_dtype: KvDtype = "auto"
    enforce_eager: bool = False
    max_num_batched_tokens: int | None = None
    max_num_seqs: int | None = None
    load_strategy: LoadStrategy | None = None
    offline: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """For the engine's process: an offline start must not even look a name up."""
        return {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"} if self.offline else {}


@functools.cache
def profiles() -> dict[str, Profile]:
    """Every profile by name, in the file's order."""
    text = files("huiyan.hardware").joinpath("profiles.toml").read_text("utf-8")
    return {name: msgspec.convert(table, Profile) for name, table in tomllib.loads(text).items()}


def profile(name: str) -> Profile:
    """Raises: SettingsError for a name that is not in the file."""
    known = profiles()
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0) or [AUTO]
        raise refusal(SettingsError, "plan.no_profile", name=name, names=", ".join(known), nearest=nearest[0])
    return known[name]


def parse_card(text: str) -> Gpu:
    """`NAME:24GiB:8.6` as a card that nobody uses. Raises: SettingsError."""
    found = re.fullmatch(r"\s*(.+?)\s*:\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*:\s*([0-9]+\.[0-9])\s*", text)
    unit = _UNITS.get(found[3].upper()) if found else None
    if found is None or unit is None or not 0 < float(found[2]) * unit < 2**50:
        raise refusal(SettingsError, "plan.bad_card", text=text)
    total = int(float(found[2]) * unit)
    reserved = min(_RESERVED_BYTES, total // 8)
    return Gpu(
        name=found[1],
        memory_total_bytes=total,
        memory_reserved_bytes=reserved,
        memory_free_bytes=total - reserved,
        driver_version="",
        compute_capability=found[4],
    )
