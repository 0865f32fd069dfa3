"""`huiyan models list`: what is here, and what the catalogue knows."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.models import access
from huiyan.cli.options import help_text
from huiyan.messages import Language, say

if TYPE_CHECKING:
    from huiyan.store.catalogue import Entry
    from huiyan.store.snapshots import ModelInfo


@errors.guarded
def list_models(
    *,
    catalogue: Annotated[bool, typer.Option("--catalogue", help=help_text("help.catalogue"))] = False,
    store_dir: access.StoreDir = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = access.load(data_dir=data_dir, config=config, lang=lang, store_dir=store_dir)
    import msgspec

    if catalogue:
        from huiyan.store import catalogue as listed

        entries = listed.catalogue()
        if as_json:
            rows = [msgspec.to_builtins(entry) | {"memory_bytes": entry.memory_bytes} for entry in entries]
            typer.echo(json.dumps({"known": rows}, ensure_ascii=False))
        else:
            _print_known(entries, language)
        return errors.OK
    store = access.open_store(settings)
    models = store.models()
    if as_json:
        shown = {
            "directory": str(settings.models.directory(settings.data_dir)),
            "models": [msgspec.to_builtins(model) for model in models],
            "usage": msgspec.to_builtins(store.usage()),
        }
        typer.echo(json.dumps(shown, ensure_ascii=False))
    elif not models:
        typer.echo(say("models.none", language))
    else:
        _print_models(models, language)
    return errors.OK


def _print_models(models: list[ModelInfo], language: Language) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from huiyan.launcher.machine import size

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("model", "size", "pulled", "digest"):
        table.add_column(say(f"models.head.{column}", language), overflow="fold")
    for model in models:
        state = say("models.damaged", language) if model.damaged else size(model.size_bytes)
        table.add_row(escape(model.id), state, _local(model.pulled_at), model.digest[:12])
    Console().print(table)


def _local(moment: str) -> str:
    """In the reader's time zone. moment: ISO 8601, or "" where it is not known."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M") if moment else "-"


def _print_known(entries: tuple[Entry, ...], language: Language) -> None:
    from rich.console import Console
    from rich.table import Table

    from huiyan.launcher.machine import size

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("model", "precision", "size", "engine", "memory", "gpu"):
        table.add_column(say(f"models.head.{column}", language), overflow="fold")
    for entry in entries:
        about = "" if entry.exact else "≈ "
        table.add_row(
            entry.id,
            entry.precision,
            about + size(entry.size_bytes),
            entry.engine,
            "≈ " + size(entry.memory_bytes),
            "-" if entry.compute_capability is None else f"≥ {entry.compute_capability}",
        )
    Console().print(table)
