"""`start --detach`: the same start in a process of its own; this one shows it and leaves when it is ready."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from huiyan.errors import HuiyanError, StartFailedError
from huiyan.launcher.events import Event, Report
from huiyan.launcher.remote_errors import rebuild
from huiyan.messages import Text, refusal

#: A background launcher that was told to end has its children to end first.
_END_TIMEOUT_S = 20.0


def start_in_background(arguments: Sequence[str], report: Report) -> int:
    """Start `huiyan ARGUMENTS` without its `--detach`; return the exit code once it is ready or has failed.

    Raises: what the start failed with; KeyboardInterrupt after the background process has ended, too.
    """
    kept = [argument for argument in arguments if argument not in ("--detach", "--json")]
    process = subprocess.Popen(
        [sys.executable, "-P", "-X", "utf8", "-m", "huiyan", *kept, "--json", "--background"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        # Not this process's own: whoever captures that would wait for the background's end.
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    last = ""
    try:
        for raw in process.stdout:
            try:
                line = json.loads(raw)
            except ValueError:
                last = raw.decode("utf-8", "replace").strip() or last
                continue
            if "error" in line:
                process.wait(_END_TIMEOUT_S)
                raise rebuild(line["error"], StartFailedError)
            event = _event(line)
            report(event)
            if event.kind == "ready":
                report(Event(kind="note", text=Text("ready.detached", {})))
                return 0
        code = process.wait()
        if last:
            raise refusal(HuiyanError, "detach.ended", last=last)
        return code
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait(_END_TIMEOUT_S)
        raise
    finally:
        process.stdout.close()


def _event(line: dict[str, Any]) -> Event:
    """An event that another process rendered."""
    text = Text("verbatim", {"text": line["message"]}) if "message" in line else None
    return Event(
        kind=line["event"],
        layer=line.get("layer"),
        state=line.get("state"),
        text=text,
        progress=line.get("progress"),
        url=line.get("url"),
        key=line.get("key"),
    )
