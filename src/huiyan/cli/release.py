"""`huiyan release make`: a team cuts its own release of a component."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.messages import say

if TYPE_CHECKING:
    from huiyan.updates.feed import Component

release = typer.Typer(no_args_is_help=True)
make = typer.Typer(no_args_is_help=True)
release.add_typer(make, name="make", help=help_text("help.release.make"))

_Version = Annotated[str, typer.Option("--version", help=help_text("help.release.version"))]
_Out = Annotated[Path, typer.Option("--out", help=help_text("help.release.out"))]
_MinHuiyan = Annotated[str, typer.Option("--min-huiyan", help=help_text("help.release.min_huiyan"))]


@make.command("vision-encoder", help=help_text("help.release.vision"))
@errors.guarded
def vision_encoder(  # noqa: PLR0913 - one parameter for each flag
    *,
    old: Annotated[Path, typer.Argument(help=help_text("help.release.old"), metavar="OLD")],
    new: Annotated[Path, typer.Argument(help=help_text("help.release.new"), metavar="NEW")],
    model: Annotated[str, typer.Option("--model", help=help_text("help.release.model"))],
    version: _Version,
    out: _Out,
    prefix: Annotated[str, typer.Option("--prefix", help=help_text("help.release.prefix"))] = "model.visual.",
    min_huiyan: _MinHuiyan = "0",
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    from huiyan import nano
    from huiyan.updates.release import Wish, is_gguf, make_projector, make_vision

    model = nano.STORE_ID if model == nano.MODEL_ID else model
    language = options.language_of(lang)
    wish = Wish(name="vision-encoder", version=version, model=model, prefix=prefix, min_huiyan=min_huiyan)

    def on_file(name: str) -> None:
        if not as_json:
            typer.echo(say("release.reading", language, name=name), err=True)

    made = make_projector(wish, old, new, out) if is_gguf(new) else make_vision(wish, old, new, out, on_file)
    _show(made, out, language_of_reader=lang, as_json=as_json)
    return errors.OK


@make.command("prompt-adapter", help=help_text("help.release.adapter"))
@errors.guarded
def prompt_adapter(
    *,
    directory: Annotated[Path, typer.Argument(help=help_text("help.release.directory"), metavar="DIRECTORY")],
    version: _Version,
    out: _Out,
    min_huiyan: _MinHuiyan = "0",
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    from huiyan.updates.release import Wish, make_adapter

    wish = Wish(name="prompt-adapter", version=version, model="", min_huiyan=min_huiyan)
    _show(make_adapter(wish, directory, out), out, language_of_reader=lang, as_json=as_json)
    return errors.OK


def _show(component: Component, out: Path, *, language_of_reader: str | None, as_json: bool) -> None:
    if as_json:
        found = {
            "name": component.name,
            "version": component.version,
            "feed": str(out),
            "size_bytes": component.size_bytes,
            "files": [file.path for file in component.files],
        }
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    language = options.language_of(language_of_reader)
    size = f"{component.size_bytes / (1 << 20):,.1f} MiB"
    typer.echo(
        say(
            "release.made",
            language,
            name=component.name,
            version=component.version,
            feed=out,
            size=size,
            count=len(component.files),
        )
    )
