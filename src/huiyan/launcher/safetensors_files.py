"""Layer 2 for vLLM: a directory of safetensors, and the card of the model in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from huiyan import nano
from huiyan.engines import safetensors_dir
from huiyan.engines.options import EngineOptions
from huiyan.engines.safetensors_dir import SafetensorsModel
from huiyan.engines.status import ModelCard, SamplingDefaults
from huiyan.store.lock import ModelLock
from huiyan.store.manifest import Manifest, VerificationRecord, read_manifest, verify

#: Of a model that was trained on more, unless asked for.
_DEFAULT_CONTEXT_TOKENS: Final = 32_768
_DEFAULT_IMAGES: Final = 9
_IMAGE_MIN_TOKENS: Final = 64
_IMAGE_MAX_TOKENS: Final = 4096
_MAX_SMALL_JSON_BYTES: Final = 1024 * 1024

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class SafetensorsFiles:
    """What vLLM will load."""

    card: ModelCard
    model: SafetensorsModel
    manifest: Manifest | None = None
    lock: ModelLock | None = None

    @property
    def size_bytes(self) -> int:
        return self.model.size_bytes

    def verify(self, record: VerificationRecord, on_fraction: Callable[[float], None] | None = None) -> None:
        """Hash what is new, where there is a manifest to hold it against.

        Raises: ModelFileMissingError, DigestMismatchError, DiskFullError, StoreError.
        """
        if self.manifest is not None:
            verify(self.model.directory, self.manifest, record, on_fraction)


class _Sampling(msgspec.Struct):
    temperature: float = 0.7
    top_p: float = 0.8
    top_k: int = 20


class _Edges(msgspec.Struct):
    shortest_edge: int | None = None
    longest_edge: int | None = None


class _Preprocessor(msgspec.Struct):
    size: _Edges = msgspec.field(default_factory=_Edges)


def choose(directory: Path, options: EngineOptions) -> SafetensorsFiles:
    """Raises: ModelFileMissingError, DigestMismatchError, StoreError."""
    model = safetensors_dir.read(directory, weights=options.load_format != "dummy")
    manifest_path = directory / "manifest.json"
    manifest = read_manifest(manifest_path) if manifest_path.exists() else None
    return SafetensorsFiles(card=card(model, options), model=model, manifest=manifest)


def card(model: SafetensorsModel, options: EngineOptions) -> ModelCard:
    trained = model.trained_context_tokens or _DEFAULT_CONTEXT_TOKENS
    context = min(options.context_tokens or _DEFAULT_CONTEXT_TOKENS, trained)
    fewest, most = _own_bounds(model.directory)
    image_min = options.image_min_tokens or fewest
    image_max = options.image_max_tokens or max(image_min, min(most, context // 2))
    sampling = _small_json(model.directory / "generation_config.json", _Sampling) or _Sampling()
    named = options.model is not None and not options.model.startswith((".", "/", "~"))
    name = options.model if named and options.model is not None else model.directory.name
    return ModelCard(
        id=name,
        name=name,
        demo=name == nano.MODEL_ID,
        context_tokens=context,
        max_images=options.max_images or _DEFAULT_IMAGES,
        image_min_tokens=image_min,
        image_max_tokens=image_max,
        sampling=SamplingDefaults(
            temperature=sampling.temperature, top_p=sampling.top_p, top_k=sampling.top_k
        ),
    )


def _own_bounds(directory: Path) -> tuple[int, int]:
    """Visual tokens of one picture, fewest and most, as the model's own settings have them, within reason."""
    found = _small_json(directory / "preprocessor_config.json", _Preprocessor) or _Preprocessor()
    fewest = (found.size.shortest_edge or _IMAGE_MIN_TOKENS * 1024) // 1024
    most = (found.size.longest_edge or _IMAGE_MAX_TOKENS * 1024) // 1024
    return max(1, fewest), max(1, fewest, min(most, _IMAGE_MAX_TOKENS))


def _small_json(path: Path, kind: type[_T]) -> _T | None:
    """None where the file says nothing that can be used: it only holds defaults."""
    try:
        if path.stat().st_size > _MAX_SMALL_JSON_BYTES:
            return None
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None
