"""`huiyan stop`: ask the launcher to end, and wait until it has."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.messages import refusal, say

if TYPE_CHECKING:
    from huiyan.launcher.state import DataDir


@errors.guarded
def stop(
    *,
    timeout_s: Annotated[
        float, typer.Option("--timeout-s", min=1, help=help_text("help.stop_timeout_s"))
    ] = 40.0,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.launcher.state import DataDir

    pid = end(DataDir(settings.data_dir), timeout_s=timeout_s)
    if pid is None:
        _tell({"stopped": False}, say("stop.none", language), as_json=as_json)
    else:
        _tell({"stopped": True, "pid": pid}, say("stop.done", language, pid=pid), as_json=as_json)
    return errors.OK


def end(place: DataDir, *, timeout_s: float) -> int | None:
    """End the launcher of this data directory; its pid, None where nothing runs: scripts may go on.

    Raises: HuiyanError when it is still there after that time, NotRunningError when it does not answer.
    """
    from huiyan.errors import HuiyanError, NotRunningError
    from huiyan.launcher import control
    from huiyan.launcher.lock import is_held

    if not is_held(place):
        return None
    try:
        info = control.running(place)
        control.ask(info, "stop")
    except NotRunningError:
        if is_held(place):
            raise
        return None
    deadline = time.monotonic() + timeout_s
    while is_held(place) or _alive(info.pid):
        if time.monotonic() > deadline:
            raise refusal(HuiyanError, "stop.timeout", pid=info.pid, seconds=f"{timeout_s:.0f}")
        time.sleep(0.05)
    return info.pid


def _alive(pid: int) -> bool:
    """The lock is let go of shortly before the process is gone."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _tell(found: dict[str, object], sentence: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(found) if as_json else sentence)
