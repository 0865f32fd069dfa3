"""`huiyan models gc | rm`: give bytes back, and say how many."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.models import access
from huiyan.cli.options import help_text
from huiyan.messages import say


@errors.guarded
def gc(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=help_text("help.dry_run"))] = False,
    store_dir: access.StoreDir = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = access.load(data_dir=data_dir, config=config, lang=lang, store_dir=store_dir)
    import msgspec

    from huiyan.launcher.machine import size

    report = access.open_store(settings).gc(dry_run=dry_run)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(report) | {"dry_run": dry_run}))
    else:
        key = "models.gc.dry" if dry_run else "models.gc.done"
        counts = {name: getattr(report, name) for name in ("blobs", "snapshots", "partials")}
        typer.echo(say(key, language, size=size(report.freed_bytes), **counts))
    return errors.OK


@errors.guarded
def rm(
    *,
    models: Annotated[list[str], typer.Argument(help=help_text("help.model_names"), metavar="MODEL…")],
    store_dir: access.StoreDir = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = access.load(data_dir=data_dir, config=config, lang=lang, store_dir=store_dir)
    from huiyan.launcher.machine import size

    store = access.open_store(settings)
    # All names first: nothing is removed when one of them is misspelt.
    removed = {}
    for model_id in [access.here(store, name) for name in models]:
        removed[model_id] = store.remove(model_id)
        if not as_json:
            typer.echo(say("models.rm.done", language, id=model_id, size=size(removed[model_id])))
    if as_json:
        typer.echo(json.dumps({"removed": removed}, ensure_ascii=False))
    return errors.OK
