"""`huiyan uninstall`: what lies where, and taking it away."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.errors import CheckRefusedError, SettingsError
from huiyan.messages import Language, refusal, say

if TYPE_CHECKING:
    from huiyan.launcher.uninstall import Piece
    from huiyan.settings.model import Settings


@errors.guarded
def uninstall(
    *,
    keep_data: Annotated[bool, typer.Option("--keep-data", help=help_text("help.uninstall_keep"))] = False,
    everything: Annotated[
        bool, typer.Option("--everything", help=help_text("help.uninstall_everything"))
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help=help_text("help.uninstall_yes"))] = False,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    # All that is needed to the end: this program may be among what is removed.
    from huiyan.cli import stop as _  # noqa: F401
    from huiyan.launcher import lock, machine, state  # noqa: F401
    from huiyan.launcher import uninstall as library

    if keep_data and everything:
        raise refusal(SettingsError, "uninstall.both")
    pieces = library.survey(settings)
    if not (keep_data or everything):
        _show(pieces, language, as_json=as_json)
        if not as_json:
            typer.echo(say("uninstall.how", language))
        return errors.OK
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise refusal(CheckRefusedError, "uninstall.unsure")
        _show(pieces, language, as_json=False)
        if not typer.confirm(say("uninstall.everything" if everything else "uninstall.keep", language)):
            return errors.INTERRUPTED
    _stop(settings)
    done = _remove(settings, language, everything=everything, as_json=as_json)
    _show(done, language, as_json=as_json)
    return errors.OK


def _remove(settings: Settings, language: Language, *, everything: bool, as_json: bool) -> list[Piece]:
    """Raises: AlreadyRunningError when somebody starts it meanwhile, StoreError."""
    from huiyan.launcher import uninstall as library
    from huiyan.launcher.lock import DataDirLock
    from huiyan.launcher.state import DataDir

    def on_piece(piece: Piece) -> None:
        if not as_json:
            typer.echo(say("uninstall.removing", language, path=piece.path), err=True)

    if not settings.data_dir.is_dir():
        return library.survey(settings)
    with DataDirLock(DataDir(settings.data_dir)):
        return library.remove(settings, data=everything, on_piece=on_piece)


def _stop(settings: Settings) -> None:
    """End what runs. Raises: HuiyanError when it does not end."""
    from huiyan.cli.stop import end
    from huiyan.launcher.state import DataDir

    end(DataDir(settings.data_dir), timeout_s=60.0)


def _show(pieces: list[Piece], language: Language, *, as_json: bool) -> None:
    import msgspec

    from huiyan.launcher.machine import size

    if as_json:
        typer.echo(msgspec.json.encode({"pieces": pieces}).decode())
        return
    for piece in pieces:
        key = "uninstall.removed" if piece.removed else f"uninstall.kind.{piece.kind}"
        typer.echo(f"{size(piece.size_bytes):>9}  {piece.path}  {say(key, language)}")
        if piece.remedy and not piece.removed:
            typer.echo(f"{'':>9}  {piece.remedy}")
