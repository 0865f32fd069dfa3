"""The command `huiyan`. Importing this is cheap: what a command needs is imported when it runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huiyan.launcher.prestart import Prestarted


def main() -> None:
    """Entry point; ends the process with the command's exit code."""
    arguments = sys.argv[1:]
    _go_to_selected(arguments)
    if "--takeover-fd" in arguments:
        sys.exit(_take_over(arguments))
    prestarted = _prestart() if _starts_here(arguments) else None
    try:
        from huiyan.cli.app import run

        code = run(arguments, prestarted)
    finally:
        if prestarted is not None:
            prestarted.discard()
    sys.exit(code)


def _go_to_selected(arguments: list[str]) -> None:
    """Become the version that a full upgrade has committed, where that is another one than this."""
    from huiyan.settings import selected

    python = selected.other_python(arguments)
    if python is not None:
        selected.run_in(python, arguments)


def _take_over(arguments: list[str]) -> int:
    """Go on with what another version left running in this process, or become that version again."""
    from huiyan.launcher.upgrade.guard import takeover_of

    takeover = takeover_of(arguments)
    assert takeover is not None
    try:
        from huiyan.cli.app import run

        code = run(arguments, takeover)
    except BaseException as error:
        if not (takeover.settled or takeover.back):
            cause = _innermost(error)
            takeover.give_back(takeover.reason or f"{type(cause).__name__}: {cause}")
        raise
    if not (takeover.settled or takeover.back):
        takeover.give_back(takeover.reason or f"it ended with code {code}")
    return code


def _innermost(error: BaseException) -> BaseException:
    """What a group of tasks ended with."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _starts_here(arguments: list[str]) -> bool:
    """Whether this very process is going to be the launcher."""
    return arguments[:1] == ["start"] and not {"--help", "-h", "--detach", "--rehearse-fd"} & set(arguments)


def _prestart() -> Prestarted | None:
    """Spawn the gateway before anything slow is imported; the launcher takes it over."""
    from huiyan.launcher.prestart import prestart
    from huiyan.settings.environment import child_environment

    try:
        return prestart(child_environment())
    except OSError:
        # The launcher spawns one itself and says what is wrong if that fails, too.
        return None
