"""Models that are known by name, and which of a repository's files one of them consists of.

`catalogue.toml` beside this file is the list; any other id works, too.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal

import msgspec

from huiyan.errors import ModelFileMissingError
from huiyan.messages import refusal

_PATH: Final = Path(__file__).with_name("catalogue.toml")

#: Beyond weights and KV cache: activations, CUDA graphs and context of vLLM; buffers of llama.cpp.
_OVERHEAD_BYTES: Final = {"vllm": 2 * 1024**3, "llama_cpp": 512 * 1024**2}
_MEMORY_CONTEXT_TOKENS: Final = 8192

#: Weights of other frameworks, and pictures of a README: no engine here asks for them.
_UNWANTED: Final = (
    ".bin", ".ckpt", ".gif", ".h5", ".jpeg", ".jpg", ".mlmodel", ".mp4", ".msgpack", ".onnx", ".onnx_data",
    ".ot", ".pdf", ".png", ".pt", ".pth", ".svg", ".tflite", ".webp",
)  # fmt: skip
#: Of several projectors the first of these is taken: exact enough, and not the largest.
_PROJECTOR_ORDER: Final = ("f16", "bf16", "q8_0", "f32")
_VARIANT_ORDER: Final = ("q4_k_m", "q5_k_m", "q4_0", "q6_k", "q8_0", "bf16", "f16")
_PART: Final = re.compile(r"-\d{5}-of-\d{5}$")

Precision = Literal["bf16", "fp8", "awq", "gptq", "q4_k_m"]


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One quantisation in a GGUF repository. size_bytes: with its projector."""

    name: str
    size_bytes: int


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model. base: what it was made from. exact: whether size_bytes was counted, or is about that.

    compute_capability: least of an NVIDIA GPU; None: needs none.
    """

    id: str
    base: str | None = None
    parameters: Literal["2B", "4B", "8B", "32B"]
    tuning: Literal["instruct", "thinking"]
    format: Literal["safetensors", "gguf"]
    precision: Precision
    publisher: Literal["official", "community"]
    licence: str
    engine: Literal["vllm", "llama_cpp"]
    compute_capability: float | None = None
    size_bytes: Annotated[int, msgspec.Meta(gt=0)]
    exact: bool
    kv_bytes_per_token: Annotated[int, msgspec.Meta(gt=0)]
    hubs: tuple[Literal["modelscope", "huggingface"], ...]
    variants: tuple[Variant, ...] = ()

    @property
    def memory_bytes(self) -> int:
        """About what one slot of 8,192 tokens needs; the planner computes what a machine really gets."""
        kv_bytes = self.kv_bytes_per_token * _MEMORY_CONTEXT_TOKENS
        return self.size_bytes + kv_bytes + _OVERHEAD_BYTES[self.engine]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: tuple[Entry, ...]


@functools.cache
def catalogue() -> tuple[Entry, ...]:
    """Every entry, smallest model first."""
    return msgspec.convert(tomllib.loads(_PATH.read_text("utf-8")), _File).model


def find(name: str) -> Entry | None:
    """By id in any case, or by what follows the owner where only one has it; `:VARIANT` is ignored."""
    wanted = split_variant(name)[0].casefold()
    by_id = [entry for entry in catalogue() if entry.id.casefold() == wanted]
    by_name = [entry for entry in catalogue() if entry.id.partition("/")[2].casefold() == wanted]
    found = by_id or by_name
    return found[0] if len(found) == 1 else None


def exact_id(name: str) -> str:
    """`qwen/…` as its publisher writes it; an id that is not known stays as it is. The variant stays, too."""
    entry = find(name)
    variant = split_variant(name)[1]
    if entry is None:
        return name
    return entry.id if variant is None else f"{entry.id}:{variant}"


def for_engine(name: str, engine: str) -> str:
    """The exact id of `name`, or of what was made from it for `engine` where the catalogue has such a one."""
    entry, variant = find(name), split_variant(name)[1]
    if entry is None or entry.engine == engine or variant is not None:
        return exact_id(name)
    base = entry.base or entry.id
    made = [each for each in catalogue() if base in (each.id, each.base) and each.engine == engine]
    return made[0].id if made else entry.id


def split_variant(name: str) -> tuple[str, str | None]:
    """(`Qwen/Qwen3-VL-8B-Instruct-GGUF`, `Q8_0`) of the two joined by a colon."""
    model_id, _, variant = name.partition(":")
    return model_id, variant or None


def wanted_files(paths: Collection[str], *, variant: str | None = None) -> list[str]:
    """Of a repository's files those that one model consists of, with all its companions, sorted.

    Raises: ModelFileMissingError when it has no such variant.
    """
    kept = [path for path in paths if not path.lower().endswith(_UNWANTED) and not _hidden(path)]
    if variant is None and any(path.endswith(".safetensors") for path in kept):
        return sorted(path for path in kept if not path.lower().endswith(".gguf"))
    ggufs = [path for path in kept if path.lower().endswith(".gguf")]
    if not ggufs:
        return sorted(kept)
    projectors = [path for path in ggufs if is_projector(path)]
    models = [path for path in ggufs if path not in projectors]
    chosen = _variant_of(models, variant)
    if projectors:
        chosen.append(min(projectors, key=_projector_rank))
    others = [path for path in kept if path not in ggufs and not path.endswith(".safetensors")]
    return sorted([*others, *chosen])


def is_projector(path: str) -> bool:
    return "mmproj" in PurePosixPath(path).name.lower()


def _variant_of(models: Sequence[str], variant: str | None) -> list[str]:
    if not models:
        return []
    names: dict[str, list[str]] = {}
    for path in models:
        names.setdefault(_PART.sub("", path.lower().removesuffix(".gguf")), []).append(path)
    orders = _VARIANT_ORDER if variant is None else (variant.lower(),)
    for order in orders:
        found = [name for name in sorted(names) if _ends_in(name, order)]
        if found:
            return names[found[0]]
    if variant is None:
        return names[min(names)]
    known = ", ".join(sorted(PurePosixPath(name).name for name in names))
    raise refusal(ModelFileMissingError, "models.no_variant", variant=variant, known=known[:500])


def _ends_in(name: str, variant: str) -> bool:
    """Whole words only: `q4_0` is not in `iq4_0x`, and `f16` is not `bf16`."""
    return re.search(rf"(?:^|[-._/]){re.escape(variant)}(?:$|[-.])", name) is not None


def _projector_rank(path: str) -> tuple[int, str]:
    words = re.split(r"[-.]", PurePosixPath(path).name.lower())
    place = next((i for i, kind in enumerate(_PROJECTOR_ORDER) if kind in words), len(_PROJECTOR_ORDER))
    return place, path


def _hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))
