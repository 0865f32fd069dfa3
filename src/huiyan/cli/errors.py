"""How a command ends: errors to exit codes, and to words on the terminal.

0 ok, 1 failed, 2 usage or settings, 3 a check refused (the hint is the remedy), 4 interrupted and safe
to run again.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from typing import Any, Final, ParamSpec

import typer

from huiyan import errors
from huiyan.cli.options import language_of
from huiyan.errors import HuiyanError
from huiyan.messages import Language, of_error, say

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
REFUSED: Final = 3
INTERRUPTED: Final = 4

#: The nearest type in an error's ancestry decides.
EXIT_CODES: Final[dict[type[HuiyanError], int]] = {
    HuiyanError: FAILED,
    errors.RequestError: FAILED,
    errors.EngineError: FAILED,
    errors.StoreError: REFUSED,
    errors.PullInterruptedError: INTERRUPTED,
    errors.SourceError: FAILED,
    errors.OfflineError: REFUSED,
    errors.SourceNotFoundError: REFUSED,
    errors.SourceDeniedError: REFUSED,
    errors.UpdateError: FAILED,
    errors.ReleaseFeedError: REFUSED,
    errors.ComponentMismatchError: REFUSED,
    errors.UpdateRunningError: REFUSED,
    errors.ComponentUnknownError: REFUSED,
    errors.NoFeedError: REFUSED,
    errors.UpdateNotOfferedError: REFUSED,
    errors.DowngradeRefusedError: REFUSED,
    errors.NoRollbackError: REFUSED,
    errors.ToolError: FAILED,
    errors.SettingsError: USAGE,
    errors.ClusterError: FAILED,
    errors.CheckRefusedError: REFUSED,
}

_P = ParamSpec("_P")


def exit_code(error: HuiyanError) -> int:
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def to_json(error: HuiyanError, language: Language) -> dict[str, Any]:
    message, hint = of_error(error, language)
    return {"error": {"code": error.code, "message": message, "hint": hint, "param": error.param}}


def show(error: HuiyanError, *, language: Language, as_json: bool) -> None:
    """What failed and why, then what mends it; as one JSON line on stdout with `--json`."""
    if as_json:
        typer.echo(json.dumps(to_json(error, language), ensure_ascii=False))
        return
    message, hint = of_error(error, language)
    typer.echo(say("error", language, message=message), err=True)
    if hint:
        typer.echo(say("hint", language, hint=hint), err=True)


def guarded(command: Callable[_P, int | None]) -> Callable[_P, None]:
    """Make a command end with the right code; its `lang` and `as_json` say how errors are shown."""

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        lang = kwargs.get("lang")
        language = language_of(lang if isinstance(lang, str) else None)
        try:
            code = command(*args, **kwargs)
        except HuiyanError as error:
            show(error, language=language, as_json=bool(kwargs.get("as_json")))
            raise typer.Exit(exit_code(error)) from error
        except KeyboardInterrupt:
            typer.echo(say("interrupted", language), err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader (head, less) has had enough. Python would complain when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(OK) from None
        raise typer.Exit(code or OK)

    return run
