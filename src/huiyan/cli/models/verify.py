"""`huiyan models verify`: whether every file is as its lock says; `--deep` reads every byte."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.models import access, progress
from huiyan.cli.options import help_text
from huiyan.messages import refusal, say


@errors.guarded
def verify(
    *,
    models: access.ModelNames = None,
    deep: Annotated[bool, typer.Option("--deep", help=help_text("help.deep"))] = False,
    store_dir: access.StoreDir = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    """Exit code 3 when something is damaged; it is set aside, so that `pull` fetches it again."""
    settings, language = access.load(data_dir=data_dir, config=config, lang=lang, store_dir=store_dir)
    import msgspec

    from huiyan.errors import DigestMismatchError

    store = access.open_store(settings)
    ids = [access.here(store, name) for name in models] if models else None
    damages = []
    with progress.shown(as_json=as_json, language=language) as tell:
        if ids is None:
            damages += store.verify(deep=deep, on_progress=progress.measured(tell, "checking"))
        for model_id in ids or []:
            damages += store.verify(model_id, deep=deep, on_progress=progress.measured(tell, "checking"))
    count = sum(
        len(snapshot.lock.files)
        for each in store.models()
        if (ids is None or each.id in ids) and (snapshot := store.current(each.id)) is not None
    )
    if as_json:
        found = [msgspec.to_builtins(damage) for damage in damages]
        typer.echo(json.dumps({"event": "done", "files": count, "damage": found}, ensure_ascii=False))
        return errors.REFUSED if damages else errors.OK
    for damage in damages:
        kind = say(f"store.damage.{damage.kind}", language)
        typer.echo(say("models.verify.damage", language, path=damage.path, kind=kind))
    if damages:
        named = " ".join(ids or [model.id for model in store.models()])
        raise refusal(DigestMismatchError, "models.verify.failed", count=len(damages), ids=named)
    typer.echo(say("models.verify.ok", language, count=count))
    return errors.OK
