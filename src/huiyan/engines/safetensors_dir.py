"""A model directory as vLLM takes it: config.json, *.safetensors, tokenizer. Looked at, not loaded.

Format: https://github.com/huggingface/safetensors (8 bytes little-endian length, JSON header, data).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from huiyan.errors import DigestMismatchError, ModelFileMissingError, StoreError
from huiyan.messages import Text, refusal

#: Of any real header; the format's reference reader refuses more, too.
_MAX_HEADER_BYTES: Final = 100_000_000
_MAX_JSON_BYTES: Final = 64 * 1024 * 1024
_INDEX: Final = "model.safetensors.index.json"

_T = TypeVar("_T")


class _Text(msgspec.Struct):
    num_hidden_layers: int = 0
    num_attention_heads: int = 0
    num_key_value_heads: int | None = None
    hidden_size: int = 0
    head_dim: int | None = None
    max_position_embeddings: int = 0


class _Config(msgspec.Struct):
    """text_config: of a vision-language model; a text model has its fields at the top."""

    architectures: list[str] = []
    text_config: _Text | None = None
    quantization_config: dict[str, Any] | None = None


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


class _Tensor(msgspec.Struct):
    data_offsets: tuple[int, int]


class SafetensorsModel(msgspec.Struct, frozen=True, kw_only=True):
    """shards: files with weights, none where there are none. kv_bytes_per_token: in 16-bit precision.

    quantization: as config.json names its method, "" for none.
    """

    directory: Path
    architecture: str
    shards: tuple[Path, ...]
    size_bytes: int
    trained_context_tokens: int
    kv_bytes_per_token: int
    quantization: str


def is_model_directory(path: Path) -> bool:
    """Whether vLLM could take it by its looks: a configuration beside weights, or alone."""
    return path.is_dir() and (path / "config.json").is_file()


def read(directory: Path, *, weights: bool = True) -> SafetensorsModel:
    """Read the configuration and, with `weights`, hold each file's size against its own header.

    Raises: ModelFileMissingError, StoreError (a file that is no JSON, or shorter than its header says).
    """
    config = _decode(directory / "config.json", _Config)
    if config.text_config is None:
        raise refusal(StoreError, "safetensors.no_vision", path=directory / "config.json")
    shards = _shards(directory) if weights else ()
    text = config.text_config
    head_dim = text.head_dim or text.hidden_size // max(1, text.num_attention_heads)
    heads = text.num_key_value_heads or text.num_attention_heads
    method = (config.quantization_config or {}).get("quant_method", "")
    return SafetensorsModel(
        directory=directory,
        architecture=config.architectures[0] if config.architectures else "",
        shards=shards,
        size_bytes=sum(_checked_size(path) for path in shards),
        trained_context_tokens=text.max_position_embeddings,
        kv_bytes_per_token=2 * text.num_hidden_layers * heads * head_dim * 2,
        quantization=method if isinstance(method, str) else "",
    )


def _shards(directory: Path) -> tuple[Path, ...]:
    if (directory / _INDEX).exists():
        names: Sequence[str] = sorted(set(_decode(directory / _INDEX, _Index).weight_map.values()))
        if any(Path(name).name != name for name in names):
            raise refusal(StoreError, "safetensors.outside", path=directory / _INDEX)
    else:
        names = sorted(path.name for path in directory.glob("*.safetensors"))
    missing = [name for name in names if not (directory / name).is_file()]
    if missing or not names:
        names_told = ", ".join(missing) or "*.safetensors"
        raise refusal(ModelFileMissingError, "safetensors.missing", path=directory, names=names_told)
    return tuple(directory / name for name in names)


def _checked_size(path: Path) -> int:
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if 0 < length <= _MAX_HEADER_BYTES else b""
    try:
        entries = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
        entries.pop("__metadata__", None)
        tensors = [msgspec.json.decode(entry, type=_Tensor) for entry in entries.values()]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise refusal(StoreError, "safetensors.damaged", path=path, reason=error) from error
    needed_bytes = 8 + length + max((tensor.data_offsets[1] for tensor in tensors), default=0)
    if size_bytes != needed_bytes:
        reason = f"{size_bytes:,} / {needed_bytes:,} bytes"
        raise refusal(DigestMismatchError, "safetensors.damaged", path=path, reason=reason)
    return size_bytes


def _decode(path: Path, kind: type[_T]) -> _T:
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise refusal(StoreError, "safetensors.damaged", path=path, reason=Text("reason.too_large", {}))
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as error:
        raise refusal(
            ModelFileMissingError, "safetensors.missing", path=path.parent, names=path.name
        ) from error
    except OSError as error:
        raise refusal(StoreError, "safetensors.damaged", path=path, reason=error.strerror) from error
    except msgspec.MsgspecError as error:
        raise refusal(StoreError, "safetensors.damaged", path=path, reason=error) from error
