"""A child whose boot message says how it behaves; run as `python -m scripted_child --lifeline-fd N`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

from huiyan.lifeline import ThreadLifeline


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    lifeline = ThreadLifeline(int(sys.argv[sys.argv.index("--lifeline-fd") + 1]))
    boot = lifeline.receive()
    if boot is None:
        os._exit(0)
    play(lifeline, boot)


def play(lifeline: ThreadLifeline, boot: dict[str, Any]) -> None:
    if boot.get("ignore_sigterm"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if boot.get("grandchild"):
        # Ignores SIGTERM, keeps the output pipe open: only a kill of the group ends it.
        grandchild = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
            ]
        )
        say(f"grandchild {grandchild.pid}")
    for line in boot.get("say", []):
        say(line)
    lifeline.send({"type": "progress", "fraction": 0.5, "detail": "half"})
    if "failed" in boot:
        time.sleep(boot.get("failed_after_s", 0.0))
        lifeline.send({"type": "failed", **boot["failed"]})
        os._exit(1)
    if not boot.get("never_ready"):
        lifeline.send({"type": "listening", "port": 1})
    if "exit_after_s" in boot:
        time.sleep(boot["exit_after_s"])
        if boot.get("signal"):
            os.kill(os.getpid(), boot["signal"])
        os._exit(boot.get("code", 1))
    if not boot.get("deaf"):
        while (message := lifeline.receive()) is not None:
            if message.get("type") == "drain":
                say("drained")
                os._exit(0)
        os._exit(0)
    time.sleep(600)


if __name__ == "__main__":
    main()
