"""Children that stand in for a fetch: `python -m tests.support.fetch_children --lifeline-fd N`.

What one does is said by the id of the model that it is told to fetch.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import msgspec

from huiyan.lifeline import ThreadLifeline
from huiyan.store.fetching import FetchStatus


def main() -> int:
    lifeline = ThreadLifeline(int(sys.argv[2]))
    boot = lifeline.receive()
    if boot is None:
        return 0
    model_id = str(boot["id"])
    cancelled = threading.Event()

    def hear(message: dict[str, Any]) -> None:
        if message["type"] == "cancel":
            cancelled.set()

    lifeline.watch(hear, lambda: os._exit(0))

    def tell(**fields: Any) -> None:
        status = FetchStatus(id=model_id, **fields)
        lifeline.send({"type": "fetch", "status": msgspec.to_builtins(status)})

    tell(state="running", phase="fetching", done_bytes=25, total_bytes=100)
    if model_id == "test/whole":
        tell(state="done", done_bytes=100, total_bytes=100)
    elif model_id == "test/refused":
        tell(state="failed", code="disk_full", message="No space.", hint="Free some.")
    elif model_id == "test/crash":
        sys.stdout.write("it broke\n")
        sys.stdout.flush()
        os.kill(os.getpid(), 9)
    elif model_id == "test/stubborn":
        threading.Event().wait()
    else:
        cancelled.wait()
        tell(state="cancelled", done_bytes=25, total_bytes=100)
    return 0


if __name__ == "__main__":
    sys.exit(main())
