"""`huiyan models export | import`: for machines without a network, and files that are here already."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.models import access, progress
from huiyan.cli.options import help_text
from huiyan.messages import refusal, say

if TYPE_CHECKING:
    from huiyan.store.snapshots import Snapshot, Store


@errors.guarded
def export(
    *,
    target: Annotated[Path, typer.Argument(help=help_text("help.export_target"), metavar="TARGET")],
    models: access.ModelNames = None,
    store_dir: access.StoreDir = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = access.load(data_dir=data_dir, config=config, lang=lang, store_dir=store_dir)
    from huiyan.errors import ModelNotInStoreError
    from huiyan.launcher.machine import size

    store = access.open_store(settings)
    ids = [access.here(store, name) for name in models] if models else [each.id for each in store.models()]
    if not ids:
        raise refusal(ModelNotInStoreError, "models.nothing_to_export")
    snapshots = [snapshot for model_id in ids if (snapshot := store.current(model_id)) is not None]
    total_bytes = sum(
        {file.sha256: file.size_bytes for each in snapshots for file in each.lock.files}.values()
    )
    with progress.shown(as_json=as_json, language=language) as tell:
        path = store.export(ids, target.expanduser(), _counted(tell, "composing", total_bytes))
    if as_json:
        typer.echo(json.dumps({"event": "done", "path": str(path), "models": ids}, ensure_ascii=False))
    else:
        typer.echo(say("models.exported", language, path=path, count=len(ids), size=size(total_bytes)))
    return errors.OK


@errors.guarded
def import_models(
    *,
    source: Annotated[Path, typer.Argument(help=help_text("help.import_source"), metavar="PATH")],
    model_id: Annotated[str | None, typer.Option("--id", help=help_text("help.import_id"))] = None,
    store_dir: access.StoreDir = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = access.load(data_dir=data_dir, config=config, lang=lang, store_dir=store_dir)
    store = access.open_store(settings)
    with progress.shown(as_json=as_json, language=language) as tell:
        imported = _import(store, source.expanduser(), model_id, _counted(tell, "checking", 0))
    if as_json:
        shown = [{"id": each.id, "digest": each.digest, "path": str(each.tree)} for each in imported]
        typer.echo(json.dumps({"event": "done", "models": shown}, ensure_ascii=False))
    else:
        for each in imported:
            typer.echo(say("models.imported", language, id=each.id, digest=each.digest[:12]))
    return errors.OK


def _import(
    store: Store, path: Path, model_id: str | None, on_bytes: Callable[[int], None]
) -> list[Snapshot]:
    """An export, where it says that it is one; else what a hub's client keeps; else a model's directory.

    Raises: ModelFileMissingError, SettingsError, ArchiveRefusedError, StoreError.
    """
    from huiyan.errors import ModelFileMissingError, SettingsError
    from huiyan.store import imports
    from huiyan.store.catalogue import exact_id

    if not path.exists():
        raise refusal(ModelFileMissingError, "models.import.missing", path=path)
    if path.is_file() or (path / "models.lock").is_file():
        return store.import_archive(path, on_bytes)
    if model_id is not None:
        return [imports.import_directory(store, path, model_id=exact_id(model_id), on_bytes=on_bytes)]
    cached = imports.find_cached(path)
    if not cached:
        raise refusal(SettingsError, "models.import.id", path=path)
    return [imports.import_cached(store, each, on_bytes) for each in cached]


def _counted(tell: progress.Tell, phase: progress.Phase, total_bytes: int) -> Callable[[int], None]:
    """Pieces as looks. total_bytes: 0 where it is not known."""
    measured = progress.measured(tell, phase)
    done_bytes = 0

    def on_bytes(size_bytes: int) -> None:
        nonlocal done_bytes
        done_bytes += size_bytes
        measured(done_bytes, total_bytes)

    return on_bytes
