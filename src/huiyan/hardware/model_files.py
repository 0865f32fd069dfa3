"""Reads a model's shape from its directory: config.json, the index, the heads of the safetensors files.

No weight is read. What lies there was fetched from somewhere: sizes are bounded, fields are checked.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from huiyan.errors import ModelFileMissingError, StoreError
from huiyan.hardware.images import DEFAULT_MAX_PIXELS, DEFAULT_MIN_PIXELS
from huiyan.hardware.model_shape import Method, ModelShape, Quantization, TextShape, VisionShape
from huiyan.messages import Text, refusal

_T = TypeVar("_T")

_CONFIG_LIMIT_BYTES: Final = 4 * 1024**2
_INDEX_LIMIT_BYTES: Final = 64 * 1024**2
#: The safetensors format's own limit for a head.
_HEAD_LIMIT_BYTES: Final = 100_000_000
_VISION_PREFIXES: Final = ("model.visual.", "visual.")


class _Text(msgspec.Struct):
    num_hidden_layers: int
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_key_value_heads: int
    vocab_size: int
    head_dim: int | None = None
    max_position_embeddings: int = 262_144
    tie_word_embeddings: bool | None = None


class _Vision(msgspec.Struct):
    depth: int
    hidden_size: int
    intermediate_size: int
    out_hidden_size: int
    patch_size: int = 16
    temporal_patch_size: int = 2
    spatial_merge_size: int = 2
    in_channels: int = 3
    num_position_embeddings: int = 2304
    deepstack_visual_indexes: list[int] = []


class _Scheme(msgspec.Struct):
    num_bits: int = 16
    group_size: int | None = None
    type: str = "int"


class _Group(msgspec.Struct):
    weights: _Scheme | None = None


class _Quantization(msgspec.Struct):
    quant_method: str
    bits: int | None = None
    group_size: int | None = None
    lm_head: bool = False
    modules_to_not_convert: list[str] | None = None
    ignored_layers: list[str] | None = None
    config_groups: dict[str, _Group] = {}


class _Config(msgspec.Struct):
    text_config: _Text
    vision_config: _Vision
    tie_word_embeddings: bool | None = None
    quantization_config: _Quantization | None = None


class _Index(msgspec.Struct):
    metadata: dict[str, Any] = {}
    weight_map: dict[str, str] = {}


def shape_of(directory: Path) -> ModelShape:
    """The shape of the model in `directory`; with its weights' exact size where index or files are there.

    Raises: ModelFileMissingError, StoreError (of another kind of model, or damaged).
    """
    path = directory / "config.json"
    if not path.is_file():
        raise refusal(ModelFileMissingError, "plan.no_config", path=path)
    config = _decode(path, _Config, _CONFIG_LIMIT_BYTES)
    tied = config.tie_word_embeddings
    if tied is None:
        tied = bool(config.text_config.tie_word_embeddings)
    total, vision = _weights(directory)
    least, most = _image_limits(directory)
    shape = ModelShape(
        name=directory.name,
        text=_text(config.text_config, tied=tied),
        vision=_vision(config.vision_config),
        quantization=_quantization(config.quantization_config),
        image_min_pixels=least,
        image_max_pixels=most,
        weights_from_files=total,
        vision_from_files=vision,
    )
    if min(shape.text.layers, shape.text.hidden_size, shape.vision.depth, shape.vision.patch_size) < 1:
        raise refusal(StoreError, "plan.bad_config", path=path, reason=Text("reason.sizes", {}))
    return shape


def _text(found: _Text, *, tied: bool) -> TextShape:
    return TextShape(
        layers=found.num_hidden_layers,
        hidden_size=found.hidden_size,
        intermediate_size=found.intermediate_size,
        attention_heads=found.num_attention_heads,
        kv_heads=found.num_key_value_heads,
        head_dim=found.head_dim or found.hidden_size // max(1, found.num_attention_heads),
        vocab_size=found.vocab_size,
        tied_embeddings=tied,
        context_tokens=found.max_position_embeddings,
    )


def _vision(found: _Vision) -> VisionShape:
    return VisionShape(
        depth=found.depth,
        hidden_size=found.hidden_size,
        intermediate_size=found.intermediate_size,
        out_hidden_size=found.out_hidden_size,
        patch_size=found.patch_size,
        temporal_patch_size=found.temporal_patch_size,
        merge_size=found.spatial_merge_size,
        in_channels=found.in_channels,
        position_embeddings=found.num_position_embeddings,
        deepstack_levels=len(found.deepstack_visual_indexes),
    )


def _quantization(found: _Quantization | None) -> Quantization:
    if found is None:
        return Quantization()
    method, bits, group = found.quant_method.lower(), found.bits, found.group_size
    schemes = [group_.weights for group_ in found.config_groups.values() if group_.weights is not None]
    if method == "compressed-tensors" and schemes:
        bits, group = schemes[0].num_bits, schemes[0].group_size
        method = "fp8" if schemes[0].type == "float" and bits == 8 else "gptq"
    if method == "fp8":
        # vLLM leaves out exactly the modules that are named: a bare "model.visual" leaves out none.
        left_out = found.ignored_layers or found.modules_to_not_convert or []
        tower = not any("visual.blocks." in name for name in left_out)
        return Quantization(method="fp8", bits=8, vision=tower and not schemes)
    packed: Method = "awq" if method.startswith("awq") else "gptq"
    # A group of -1 is a whole column: the scales are then too few to matter.
    size = group if group and group > 0 else 4096
    return Quantization(method=packed, bits=bits or 4, group_size=size, lm_head=found.lm_head)


def _image_limits(directory: Path) -> tuple[int, int]:
    """(fewest, most) pixels from preprocessor_config.json, and the family's own where it says nothing."""
    path = directory / "preprocessor_config.json"
    if not path.is_file():
        return DEFAULT_MIN_PIXELS, DEFAULT_MAX_PIXELS
    size = _decode(path, dict[str, Any], _CONFIG_LIMIT_BYTES).get("size")
    given = size if isinstance(size, dict) else {}
    least, most = given.get("shortest_edge"), given.get("longest_edge")
    return (
        least if isinstance(least, int) and least > 0 else DEFAULT_MIN_PIXELS,
        most if isinstance(most, int) and most > 0 else DEFAULT_MAX_PIXELS,
    )


def _weights(directory: Path) -> tuple[int | None, int | None]:
    """(bytes of all tensors, bytes of the vision tower); None for what cannot be told without the files."""
    total: int | None = None
    index = directory / "model.safetensors.index.json"
    names = {path.name for path in directory.glob("*.safetensors")}
    if index.is_file():
        found = _decode(index, _Index, _INDEX_LIMIT_BYTES)
        size = found.metadata.get("total_size")
        total = size if isinstance(size, int) and size > 0 else None
        names = {name for name in found.weight_map.values() if Path(name).name == name}
    files = [directory / name for name in sorted(names)]
    if not files or not all(path.is_file() for path in files):
        return total, None
    sizes = [pair for path in files for pair in tensor_sizes(path)]
    vision = sum(size for name, size in sizes if name.startswith(_VISION_PREFIXES))
    return sum(size for _, size in sizes), vision or None


def tensor_sizes(path: Path) -> list[tuple[str, int]]:
    """(name, bytes) of every tensor that a safetensors file's head lists.

    Raises: StoreError. Source: https://github.com/huggingface/safetensors#format
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= _HEAD_LIMIT_BYTES:
                raise refusal(StoreError, "plan.bad_config", path=path, reason=Text("reason.no_head", {}))
            text = file.read(length)
            if len(text) < length:
                raise refusal(
                    StoreError, "plan.bad_config", path=path, reason=Text("reason.head_cut_off", {})
                )
        head = msgspec.json.decode(text, type=dict[str, dict[str, Any]])
        return [
            (name, int(entry["data_offsets"][1]) - int(entry["data_offsets"][0]))
            for name, entry in head.items()
            if name != "__metadata__"
        ]
    except (OSError, msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise refusal(StoreError, "plan.bad_config", path=path, reason=str(error)) from error


def _decode(path: Path, kind: type[_T], limit_bytes: int) -> _T:
    try:
        if path.stat().st_size > limit_bytes:
            raise refusal(
                StoreError,
                "plan.bad_config",
                path=path,
                reason=Text("reason.more_bytes", {"limit_bytes": limit_bytes}),
            )
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        raise refusal(StoreError, "plan.bad_config", path=path, reason=str(error)) from error
