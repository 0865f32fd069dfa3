"""Fetches one model for the launcher: `python -m huiyan.launcher.fetch_child --lifeline-fd N`.

Told on its lifeline: `boot` with `options` (StoreOptions), `proxies`, `store_dir`, `data_dir` and `id`; with
`vllm` it also installs the engine that runs the model; later perhaps `cancel`. Tells
`{"type": "fetch", "status": FetchStatus}`; the last one has another state than `running`.
When the launcher is gone, it is gone: what has arrived is in the store, whenever it ends.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from huiyan import log
from huiyan.errors import EngineNotInstalledError, HuiyanError
from huiyan.lifeline import ORPHAN_GRACE_S, ThreadLifeline
from huiyan.messages import of_error
from huiyan.sources.proxies import Proxies
from huiyan.store.fetching import FetchStatus

_TELL_EVERY_S: Final = 0.5
_LINE_CHARS: Final = 200


class _Boot(msgspec.Struct, frozen=True, kw_only=True):
    options: dict[str, Any]  # validated by StoreOptions
    proxies: Proxies
    store_dir: str
    data_dir: str
    id: str
    vllm: bool = False


class _Teller:
    """Tells statuses, at most twice a second within a phase."""

    def __init__(self, lifeline: ThreadLifeline) -> None:
        self._lifeline = lifeline
        self._last_s = 0.0
        self.status: FetchStatus | None = None

    def tell(self, status: FetchStatus) -> None:
        before, self.status = self.status, status
        now_s = time.monotonic()
        same = before is not None and (before.state, before.phase) == (status.state, status.phase)
        if same and now_s - self._last_s < _TELL_EVERY_S:
            return
        self._last_s = now_s
        self._lifeline.send({"type": "fetch", "status": msgspec.to_builtins(status)})


def main(argv: list[str]) -> int:
    """argv: --lifeline-fd N."""
    log.configure("launcher", sys.stderr)
    if len(argv) != 2 or argv[0] != "--lifeline-fd":
        sys.stderr.write("This is the process with which huiyan fetches a model; run: huiyan models pull\n")
        return 2
    lifeline = ThreadLifeline(int(argv[1]))
    first = lifeline.receive()
    if first is None:
        return 0
    boot = msgspec.convert(first, _Boot)
    cancel = threading.Event()

    def hear(message: dict[str, Any]) -> None:
        if message.get("type") == "cancel":
            cancel.set()

    def orphaned() -> None:
        cancel.set()
        timer = threading.Timer(ORPHAN_GRACE_S - 1.0, os._exit, (0,))
        timer.daemon = True
        timer.start()

    lifeline.watch(hear, orphaned)
    teller = _Teller(lifeline)
    try:
        _fetch(boot, teller, cancel)
    except HuiyanError as error:
        teller.tell(_failed(boot.id, error, teller.status, cancelled=cancel.is_set()))
    return 0


def _fetch(boot: _Boot, teller: _Teller, cancel: threading.Event) -> None:
    """Raises: StoreError, SourceError and their kinds."""
    from huiyan.sources.fetch import fetch_model
    from huiyan.sources.options import StoreOptions
    from huiyan.sources.protocol import Progress
    from huiyan.sources.pull import Wish
    from huiyan.store.snapshots import Store

    def on_progress(progress: Progress) -> None:
        teller.tell(
            FetchStatus(
                id=boot.id,
                state="running",
                phase=progress.phase,
                file=progress.file,
                done_bytes=progress.done_bytes,
                total_bytes=progress.total_bytes,
                rate_bytes_per_s=progress.rate_bytes_per_s,
                eta_s=progress.eta_s,
            )
        )

    engine = _Engine(Path(boot.data_dir)) if boot.vllm else None
    if engine is not None:
        engine.check()  # before gigabytes are fetched that nothing could run
    fetched = fetch_model(
        Store(Path(boot.store_dir)),
        StoreOptions.model_validate(boot.options),
        Wish(model_id=boot.id),
        proxies=boot.proxies,
        on_progress=on_progress,
        cancel=cancel,
    )
    lock = fetched.lock
    if engine is not None:

        def on_line(line: str) -> None:
            teller.tell(
                FetchStatus(
                    id=lock.id,
                    state="running",
                    phase="installing",
                    file=line[:_LINE_CHARS],
                    done_bytes=lock.size_bytes,
                    total_bytes=lock.size_bytes,
                )
            )

        on_line("")
        engine.install(on_line, cancel)
    # In its publisher's own case from now on.
    teller.tell(
        FetchStatus(id=lock.id, state="done", done_bytes=lock.size_bytes, total_bytes=lock.size_bytes)
    )


class _Engine:
    """The environment that vLLM runs in: made where there is none."""

    def __init__(self, data_dir: Path) -> None:
        from huiyan.engines import install
        from huiyan.engines.environments import Environments

        self._environments = Environments(data_dir)
        self._recipe = install.recipe("vllm")

    def check(self) -> None:
        """Raises: EngineNotInstalledError when it is not here and could not be made."""
        from huiyan.engines import install
        from huiyan.hardware.probe import gpus_by_nvml
        from huiyan.settings.environment import installer_environment

        if self._is_here():
            return
        gpus, _ = gpus_by_nvml()
        install.check_driver(self._recipe, gpus[0].driver_version if gpus else None)
        install.find_uv(installer_environment())

    def install(self, on_line: Callable[[str], None], cancel: threading.Event) -> None:
        """Raises: EngineNotInstalledError, StoreError."""
        from huiyan.engines import install
        from huiyan.settings.environment import installer_environment

        if self._is_here():
            return
        made = install.install(
            self._environments, self._recipe, installer_environment(), on_line, cancel=cancel
        )
        self._environments.use(made)

    def _is_here(self) -> bool:
        try:
            self._environments.used()
        except EngineNotInstalledError:
            return False
        return True


def _failed(model_id: str, error: HuiyanError, before: FetchStatus | None, *, cancelled: bool) -> FetchStatus:
    before = before or FetchStatus(id=model_id, state="running")
    done_bytes, total_bytes = before.done_bytes, before.total_bytes
    if cancelled:
        return FetchStatus(id=model_id, state="cancelled", done_bytes=done_bytes, total_bytes=total_bytes)
    (message, hint), (message_zh, hint_zh) = of_error(error, "en"), of_error(error, "zh")
    return FetchStatus(
        id=model_id,
        state="failed",
        code=error.code,
        message=message,
        hint=hint,
        message_zh=message_zh,
        hint_zh=hint_zh,
        done_bytes=done_bytes,
        total_bytes=total_bytes,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
