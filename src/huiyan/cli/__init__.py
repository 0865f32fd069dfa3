"""The command `huiyan`. Importing this is cheap: what a command needs is imported when it runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huiyan.launcher.prestart import Prestarted


def main() -> None:
    """Entry point; ends the process with the command's exit code."""
    arguments = sys.argv[1:]
    prestarted = _prestart() if _starts_here(arguments) else None
    try:
        from huiyan.cli.app import run

        code = run(arguments, prestarted)
    finally:
        if prestarted is not None:
            prestarted.discard()
    sys.exit(code)


def _starts_here(arguments: list[str]) -> bool:
    """Whether this very process is going to be the launcher."""
    return arguments[:1] == ["start"] and not {"--help", "-h", "--detach"} & set(arguments)


def _prestart() -> Prestarted | None:
    """Spawn the gateway before anything slow is imported; the launcher takes it over."""
    from huiyan.launcher.prestart import prestart
    from huiyan.settings.environment import child_environment

    try:
        return prestart(child_environment())
    except OSError:
        # The launcher spawns one itself and says what is wrong if that fails, too.
        return None
