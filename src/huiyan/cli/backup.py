"""`huiyan backup FILE`, `huiyan restore FILE`: server state as one file, between machines and databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.messages import say

_File = Annotated[Path, typer.Argument(help=help_text("help.backup_file"), metavar="FILE")]


@errors.guarded
def backup(
    *,
    file: _File,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.state.restore import back_up

    state_dir, url = options.state_place(settings)
    manifest = back_up(file, data_dir=settings.data_dir, state_dir=state_dir, url=url)
    files = sum(name.startswith("files/") for name in manifest.members)
    if as_json:
        typer.echo(json.dumps({"file": str(file), "rows": manifest.rows, "files": files}, ensure_ascii=False))
    else:
        rows = manifest.rows
        typer.echo(
            say("backup.made", language, path=file, keys=rows["keys"], usage=rows["usage"], files=files)
        )
    return errors.OK


@errors.guarded
def restore(
    *,
    file: _File,
    replace: Annotated[bool, typer.Option("--replace", help=help_text("help.restore_replace"))] = False,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.launcher.lock import DataDirLock
    from huiyan.launcher.state import DataDir
    from huiyan.state import restore as restoring

    state_dir, url = options.state_place(settings)
    place = DataDir(settings.data_dir)
    place.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A gateway that runs has the old secret in memory.
    with DataDirLock(place):
        done = restoring.restore(
            file, data_dir=settings.data_dir, state_dir=state_dir, url=url, replace=replace
        )
    if as_json:
        rows = done.manifest.rows
        shown = msgspec.to_builtins(done, enc_hook=str) | {"manifest": None, "rows": rows}
        del shown["manifest"]
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return errors.OK
    rows = done.manifest.rows
    typer.echo(say("backup.restored", language, keys=rows["keys"], usage=rows["usage"]))
    if done.before is not None:
        typer.echo(say("backup.before", language, path=done.before))
    for key, names in (("backup.in_place", done.in_place), ("backup.aside", done.aside)):
        for name in names:
            typer.echo(say(key, language, path=settings.data_dir / name))
    return errors.OK
