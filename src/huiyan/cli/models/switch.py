"""`huiyan models switch | rollback`: which of the snapshots that are here a model is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.models import access
from huiyan.cli.options import help_text
from huiyan.messages import refusal, say

if TYPE_CHECKING:
    from huiyan.store.snapshots import Store

_LEAST_DIGITS = 6


@errors.guarded
def switch(
    *,
    model: access.ModelName,
    digest: Annotated[str, typer.Argument(help=help_text("help.snapshot"), metavar="DIGEST")],
    store_dir: access.StoreDir = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = access.load(data_dir=data_dir, config=config, lang=lang, store_dir=store_dir)
    store = access.open_store(settings)
    model_id = access.here(store, model)
    chosen = _snapshot(store, model_id, digest)
    store.switch(model_id, chosen)
    if as_json:
        typer.echo(json.dumps({"id": model_id, "digest": chosen}, ensure_ascii=False))
    else:
        typer.echo(say("models.switched", language, id=model_id, digest=chosen[:12]))
    return errors.OK


@errors.guarded
def rollback(
    *,
    model: access.ModelName,
    store_dir: access.StoreDir = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = access.load(data_dir=data_dir, config=config, lang=lang, store_dir=store_dir)
    store = access.open_store(settings)
    model_id = access.here(store, model)
    digest = store.rollback(model_id).digest
    if as_json:
        typer.echo(json.dumps({"id": model_id, "digest": digest}, ensure_ascii=False))
    else:
        typer.echo(say("models.switched", language, id=model_id, digest=digest[:12]))
    return errors.OK


def _snapshot(store: Store, model_id: str, digest: str) -> str:
    """The snapshot of this model whose digest begins so. Raises: ModelNotInStoreError."""
    from huiyan.errors import ModelNotInStoreError

    known = {entry.digest for entry in store.history(model_id)}
    found = [each for each in known if len(digest) >= _LEAST_DIGITS and each.startswith(digest.lower())]
    if len(found) != 1:
        here = ", ".join(sorted(each[:12] for each in known)) or "-"
        raise refusal(ModelNotInStoreError, "models.no_snapshot", id=model_id, digest=digest[:64], known=here)
    return found[0]
