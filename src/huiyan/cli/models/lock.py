"""`huiyan models lock`: what is here, written down so that another machine gets the very same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.models import access
from huiyan.cli.options import help_text
from huiyan.messages import say


@errors.guarded
def lock(
    *,
    models: access.ModelNames = None,
    output: Annotated[Path, typer.Option("--output", "-o", help=help_text("help.lock_output"))] = Path(
        "models.lock"
    ),
    store_dir: access.StoreDir = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = access.load(data_dir=data_dir, config=config, lang=lang, store_dir=store_dir)
    from huiyan.launcher.machine import size
    from huiyan.store.lock import LockFile, write_lock

    store = access.open_store(settings)
    ids = [access.here(store, name) for name in models] if models else [each.id for each in store.models()]
    locked = [snapshot.lock for model_id in ids if (snapshot := store.current(model_id)) is not None]
    if not locked:
        typer.echo(json.dumps({"models": []}) if as_json else say("models.none", language))
        return errors.OK
    file = LockFile()
    for each in locked:
        file = file.with_model(each)
    write_lock(output, file)
    if as_json:
        shown = [
            {"id": each.id, "digest": each.digest(), "size_bytes": each.size_bytes} for each in file.models
        ]
        typer.echo(json.dumps({"path": str(output), "models": shown}, ensure_ascii=False))
    else:
        for each in file.models:
            typer.echo(
                say(
                    "models.locked",
                    language,
                    id=each.id,
                    size=size(each.size_bytes),
                    digest=each.digest()[:12],
                )
            )
        typer.echo(say("models.lock.written", language, path=output))
    return errors.OK
