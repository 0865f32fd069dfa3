"""Layer 2: which model is served, and whether its files are whole.

A name is looked for in the store, a path is taken as it is.

Files with a manifest are held against its sizes at once and against its SHA-256 when they are new or
changed. A GGUF without a manifest must at least be as long as its own head says.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from huiyan import nano
from huiyan.engines import gguf, safetensors_dir
from huiyan.engines.options import EngineOptions
from huiyan.engines.status import ModelCard
from huiyan.errors import DigestMismatchError, ModelFileMissingError, StoreError
from huiyan.launcher import machine, nano_files, safetensors_files
from huiyan.launcher.means import Means
from huiyan.launcher.safetensors_files import SafetensorsFiles
from huiyan.launcher.stored import stored_model
from huiyan.messages import Text, refusal
from huiyan.store import catalogue
from huiyan.store.compose import Snapshot
from huiyan.store.lock import ModelLock
from huiyan.store.manifest import Manifest, VerificationRecord, check_sizes, read_manifest, verify

#: Context of a model that was trained on more, unless asked for: the KV cache has to fit beside it.
_DEFAULT_CONTEXT_TOKENS = 8192
#: Visual tokens of one picture (32 x 32 pixels each for Qwen3-VL); at most a quarter of the context.
_IMAGE_MIN_TOKENS = 64
_IMAGE_MAX_TOKENS = 4096

#: Of several projector files of one model, the first of these is taken: exact enough, and not the largest.
_MMPROJ_ORDER = ("f16", "bf16", "q8_0", "f32")
_NO_NAME = re.compile(r"mmproj|model|b?f16|f32|i?q\d\w*|ud")


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """What the engine will load. kv_bytes_per_token: 0 where the file does not say.

    lock: of a model in the store, which is kept there for as long as it is served.
    trained_context_tokens: by the file's head, which may be far more than `card` has.
    """

    card: ModelCard
    model_path: Path
    mmproj_path: Path
    kv_bytes_per_token: int
    trained_context_tokens: int | None = None
    manifest: Manifest | None = None
    lock: ModelLock | None = None

    @property
    def size_bytes(self) -> int:
        return self.model_path.stat().st_size + self.mmproj_path.stat().st_size

    def verify(self, record: VerificationRecord, on_fraction: Callable[[float], None] | None = None) -> None:
        """Hash what is new; may take minutes for gigabytes.

        Raises: ModelFileMissingError, DigestMismatchError, DiskFullError, StoreError.
        """
        if self.manifest is not None:
            _whole(
                lambda manifest: verify(self.model_path.parent, manifest, record, on_fraction), self.manifest
            )


def choose(
    options: EngineOptions, store_dir: Path | None = None, means: Means | None = None
) -> ModelFiles | SafetensorsFiles:
    """The model that was asked for, if its files are here, and otherwise nano with `wanted` in its card.

    A directory of safetensors is vLLM's, a GGUF is llama.cpp's. store_dir: where a name is looked for.
    means: of this machine; without a name they say which model it is. None: nano, then, and llama.cpp.
    Raises: ModelFileMissingError, DigestMismatchError, StoreError.
    """
    path = options.model_path
    if path is None and options.model is not None and _is_path(options.model):
        path = Path(options.model)
    if path is not None:
        path = path.expanduser().absolute()
        if options.engine != "llama_cpp" and safetensors_dir.is_model_directory(path):
            return safetensors_files.choose(path, options)
        if options.engine == "vllm" and path.exists():
            raise refusal(ModelFileMissingError, "model.vllm_gguf", path=path)
        return _local(path, options)
    named = None if options.model in (None, nano.MODEL_ID, nano.STORE_ID) else options.model
    suggestion = means.suggestion() if means is not None and options.model is None else None
    wanted = named if suggestion is None else suggestion.id
    if store_dir is not None and (files := _from_store(wanted, options, store_dir, means)) is not None:
        return files
    if options.engine == "vllm" and suggestion is not None:
        raise refusal(ModelFileMissingError, "model.vllm_fetch", id=suggestion.id)
    if options.engine == "vllm":
        raise refusal(ModelFileMissingError, "model.vllm_which")
    if means is not None and means.offline:
        wanted = named  # nobody could fetch the other one
    card = nano.card(wanted=wanted, planned=named is None)
    if options.context_tokens is not None:
        context_tokens = min(options.context_tokens, card.context_tokens)
        card = msgspec.structs.replace(card, context_tokens=context_tokens)
    return _nano(card, store_dir)


def _from_store(
    wanted: str | None, options: EngineOptions, store_dir: Path, means: Means | None
) -> ModelFiles | SafetensorsFiles | None:
    """The wanted model; where none was named, any that this machine runs."""
    found = None if wanted is None else _stored(wanted, options, store_dir, means)
    if found is not None or means is None or options.model is not None:
        return found
    other = means.best_stored(store_dir)
    return None if other is None else _stored(other, options, store_dir, means)


def _stored(
    name: str, options: EngineOptions, store_dir: Path, means: Means | None
) -> ModelFiles | SafetensorsFiles | None:
    """From the store, in the format of the engine that runs it here; None where it is not there."""
    automatic = means.engine(name) if means is not None and options.engine == "auto" else "llama_cpp"
    engine = "vllm" if options.engine == "vllm" else automatic
    stored = stored_model(store_dir, name, engine=engine)
    if stored is None:
        return None
    if stored.is_gguf:
        if options.engine == "vllm":
            return None
        files = _local(stored.directory, options, model_id=stored.id)
        return dataclasses.replace(files, lock=stored.lock)
    if engine == "llama_cpp":
        # Safetensors are for another engine; until that one is here, nano stands in for it.
        return None
    named = options if options.model is not None else options.model_copy(update={"model": stored.id})
    return dataclasses.replace(safetensors_files.choose(stored.directory, named), lock=stored.lock)


def _is_path(model: str) -> bool:
    """Told from a hub's name by its look: a directory that happens to be called so means nothing."""
    return model.startswith(("/", "./", "../", "~")) or model.lower().endswith(".gguf")


def _nano(card: ModelCard, store_dir: Path | None) -> ModelFiles:
    updated = None if store_dir is None else nano_files.updated(store_dir)
    if updated is not None:
        return of_nano(card, updated)
    manifest = read_manifest(nano.MANIFEST_PATH)
    _whole(lambda manifest: check_sizes(nano.DIRECTORY, manifest), manifest)
    head = gguf.read_head(nano.MODEL_PATH)
    return ModelFiles(
        card=card,
        model_path=nano.MODEL_PATH,
        mmproj_path=nano.MMPROJ_PATH,
        kv_bytes_per_token=head.kv_bytes_per_token,
        trained_context_tokens=head.trained_context_tokens,
        manifest=manifest,
    )


def of_nano(card: ModelCard, snapshot: Snapshot) -> ModelFiles:
    """Nano with a component of it replaced, from the store. Raises: DigestMismatchError, StoreError."""
    model_path, mmproj_path = (snapshot.tree / path.name for path in (nano.MODEL_PATH, nano.MMPROJ_PATH))
    head = _head(model_path)
    _head(mmproj_path)
    return ModelFiles(
        card=card,
        model_path=model_path,
        mmproj_path=mmproj_path,
        kv_bytes_per_token=head.kv_bytes_per_token,
        trained_context_tokens=head.trained_context_tokens,
        lock=snapshot.lock,
    )


def _local(path: Path, options: EngineOptions, model_id: str | None = None) -> ModelFiles:
    model_path, mmproj_path = find_pair(path)
    manifest = None
    directory = model_path.parent
    if (directory / "manifest.json").exists():
        manifest = read_manifest(directory / "manifest.json")
        _whole(lambda manifest: check_sizes(directory, manifest), manifest)
    head = _head(model_path)
    _head(mmproj_path)
    return ModelFiles(
        card=_card(model_path, head, options, model_id),
        model_path=model_path,
        mmproj_path=mmproj_path,
        kv_bytes_per_token=head.kv_bytes_per_token,
        trained_context_tokens=head.trained_context_tokens,
        manifest=manifest,
    )


def find_pair(path: Path) -> tuple[Path, Path]:
    """(model, mmproj) for a .gguf file or a directory. Raises: ModelFileMissingError, StoreError."""
    if not path.exists():
        raise refusal(ModelFileMissingError, "model.path_missing", path=path)
    directory = path if path.is_dir() else path.parent
    try:
        names = sorted(entry.name for entry in directory.iterdir())
    except OSError as error:
        raise refusal(
            StoreError, "model.unreadable", path=directory, quoted=_quoted(directory), reason=error.strerror
        ) from error
    ggufs = [name for name in names if name.lower().endswith(".gguf")]
    projectors = [name for name in ggufs if "mmproj" in name.lower()]
    # Of a model in parts, llama.cpp is given the first and finds the others.
    models = [name for name in ggufs if name not in projectors and not _later_part(name)]
    if path.is_dir():
        if not models:
            key = (
                "model.safetensors"
                if any(name.endswith(".safetensors") for name in names)
                else "model.no_gguf"
            )
            raise refusal(ModelFileMissingError, key, path=path, quoted=_quoted(path))
        if len(models) > 1:
            example = _quoted(directory / models[0])
            raise refusal(StoreError, "model.several", path=path, names=", ".join(models), quoted=example)
        path = directory / models[0]
    elif not path.name.lower().endswith(".gguf"):
        key = "model.safetensors" if path.name.endswith(".safetensors") else "model.no_gguf"
        raise refusal(ModelFileMissingError, key, path=path, quoted=_quoted(path))
    if not projectors:
        raise refusal(ModelFileMissingError, "model.no_mmproj", path=path, quoted=_quoted(directory))
    return path, directory / _best_projector(projectors, path.stem)


def _later_part(name: str) -> bool:
    return "-of-" in name and "-00001-of-" not in name


def _best_projector(names: Sequence[str], model: str) -> str:
    """Of several, one that bears the model's name, in the most usual precision."""
    name = _bare(model)
    own = [each for each in names if _bare(each) and (_bare(each) in name or name in _bare(each))]

    def rank(each: str) -> tuple[int, str]:
        words = re.split(r"[-.]", each.lower())
        place = next((place for place, kind in enumerate(_MMPROJ_ORDER) if kind in words), len(_MMPROJ_ORDER))
        return place, each

    return min(own or names, key=rank)


def _bare(name: str) -> str:
    """A file's name without what says that it is a projector, or how it is quantised."""
    words = re.split(r"[-.]", name.lower().removesuffix(".gguf"))
    return "-".join(word for word in words if not _NO_NAME.fullmatch(word))


def _head(path: Path) -> gguf.GgufHead:
    try:
        head = gguf.read_head(path)
        size_bytes = path.stat().st_size
    except OSError as error:
        raise refusal(
            StoreError, "model.unreadable", path=path, quoted=_quoted(path), reason=error.strerror
        ) from error
    except StoreError as error:
        raise refusal(DigestMismatchError, "model.damaged", path=path, reason=error.message) from error
    if size_bytes < head.needed_bytes:
        raise refusal(
            DigestMismatchError,
            "model.damaged",
            path=path,
            reason=f"{size_bytes:,} / {head.needed_bytes:,} bytes",
        )
    return head


def _card(path: Path, head: gguf.GgufHead, options: EngineOptions, model_id: str | None) -> ModelCard:
    trained = head.trained_context_tokens or _DEFAULT_CONTEXT_TOKENS
    context = min(options.context_tokens or _DEFAULT_CONTEXT_TOKENS, trained)
    image_min = options.image_min_tokens or _IMAGE_MIN_TOKENS
    image_max = options.image_max_tokens or max(image_min, min(_IMAGE_MAX_TOKENS, context // 4))
    return ModelCard(
        id=model_id or (path.stem if options.model is None or _is_path(options.model) else options.model),
        name=head.name or path.stem,
        context_tokens=context,
        image_min_tokens=image_min,
        image_max_tokens=image_max,
    )


def _whole(check: Callable[[Manifest], object], manifest: Manifest) -> None:
    """Run a check of the store and say what to do in words that fit here."""
    try:
        check(manifest)
    except ModelFileMissingError as error:
        raise refusal(ModelFileMissingError, "model.file_missing", detail=error.message) from error
    except DigestMismatchError as error:
        raise refusal(DigestMismatchError, "model.mismatch", detail=error.message) from error


def summary(files: ModelFiles | SafetensorsFiles, size: str) -> Text:
    if files.card.demo:
        return Text("model.nano", {"size": size})
    return Text("model.ok", {"name": files.card.name, "size": size})


def why_nano(card: ModelCard) -> Text:
    """Of a card with a wanted model: which one it is, and how it gets here."""
    entry = None if card.wanted is None else catalogue.find(card.wanted)
    if not card.planned or entry is None:
        return Text("model.wanted", {"wanted": card.wanted})
    return Text("model.planned", {"wanted": entry.id, "size": machine.size(entry.size_bytes)})


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
