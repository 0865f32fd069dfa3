"""`huiyan update --full`: another version of huiyan, while the browser stays connected."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from huiyan.cli import errors
from huiyan.messages import Language, known, refusal, say

if TYPE_CHECKING:
    from huiyan.launcher.state import DataDir, LauncherInfo
    from huiyan.launcher.upgrade.status import UpgradeStatus
    from huiyan.settings.model import Settings

_POLL_S: Final = 0.25
#: While one version becomes the other, nobody answers for about a second.
_SILENCE_S: Final = 60.0
_LINE_EVERY_S: Final = 5.0


def upgrade(settings: Settings, language: Language, *, wheel: Path, lock: Path | None, as_json: bool) -> int:
    """Install the wheel side by side and let it take over; where nothing runs, the next start does.

    Raises: UpdateError and its kinds, StoreError.
    """
    lock_text = None if lock is None else str(lock.absolute())
    request = {"op": "upgrade", "wheel": str(wheel.absolute()), "lock": lock_text}
    return _change(settings, language, request, as_json=as_json)


def roll_back(settings: Settings, language: Language, *, accept_loss: bool, as_json: bool) -> int:
    """Go back to the version before. Raises: as `upgrade`."""
    return _change(settings, language, {"op": "upgrade_back", "accept_loss": accept_loss}, as_json=as_json)


def _change(settings: Settings, language: Language, request: dict[str, Any], *, as_json: bool) -> int:
    from huiyan.launcher import control
    from huiyan.launcher.lock import is_held
    from huiyan.launcher.state import DataDir

    place = DataDir(settings.data_dir)
    shown = _Shown(language, as_json=as_json)
    if not is_held(place):
        return _while_nothing_runs(settings, shown, request)
    info = control.running(place)
    op = str(request.pop("op"))
    status = _status(control.ask(info, op, timeout_s=30.0, **request))
    try:
        while status is None or status.state == "running":
            shown.show(status)
            time.sleep(_POLL_S)
            status = _look(place, info)
    except KeyboardInterrupt:
        control.ask(info, "upgrade_cancel")
        raise
    return shown.end(status)


def _look(place: DataDir, info: LauncherInfo) -> UpgradeStatus | None:
    """How it stands, through the change of programs. Raises: UpdateError when the launcher is gone."""
    from huiyan.errors import NotRunningError, UpdateError
    from huiyan.launcher import control
    from huiyan.launcher.lock import is_held

    deadline_s = time.monotonic() + _SILENCE_S
    while is_held(place) and time.monotonic() < deadline_s:
        try:
            return _status(control.ask(info, "upgrade_status", timeout_s=_SILENCE_S))
        except NotRunningError:
            time.sleep(_POLL_S)
    raise refusal(UpdateError, "upgrade.silent")


def _status(raw: bytes) -> UpgradeStatus | None:
    """Raises: the error that the launcher answered with."""
    import msgspec

    from huiyan.errors import UpdateError
    from huiyan.launcher.remote_errors import rebuild
    from huiyan.launcher.upgrade.status import UpgradeStatus

    found = msgspec.json.decode(raw, type=dict[str, Any])
    if "error" in found:
        raise rebuild(found["error"], UpdateError)
    return msgspec.convert(found["upgrade"], UpgradeStatus | None)


def _while_nothing_runs(settings: Settings, shown: _Shown, request: dict[str, Any]) -> int:
    """Raises: AlreadyRunningError when somebody starts it meanwhile, UpdateError and its kinds."""
    from huiyan import __version__
    from huiyan.launcher.lock import DataDirLock
    from huiyan.launcher.state import DataDir
    from huiyan.launcher.upgrade.full import FullUpgrades
    from huiyan.launcher.upgrade.handover import this_program
    from huiyan.updates.version_install import VersionFiles

    place = DataDir(settings.data_dir)
    place.root.mkdir(parents=True, exist_ok=True)
    program = this_program(__version__, sys.executable, [])

    async def change() -> None:
        upgrades = FullUpgrades(settings, program, hand_over=None, told=shown.show)
        upgrades.place.recover(settings)
        async with asyncio.TaskGroup() as tasks:
            if request["op"] == "upgrade":
                lock = None if request["lock"] is None else Path(request["lock"])
                files = VersionFiles(wheel=Path(request["wheel"]), lock=lock)
                upgrades.begin(lambda: upgrades.upgrade(files), tasks)
            else:
                loss = bool(request["accept_loss"])
                upgrades.begin(lambda: upgrades.roll_back(accept_loss=loss), tasks)
        shown.last = upgrades.status

    with DataDirLock(place):
        asyncio.run(change())
    assert shown.last is not None
    return shown.end(shown.last, running=False)


class _Shown:
    """A line at each new step and now and then; JSON lines with `--json`."""

    def __init__(self, language: Language, *, as_json: bool) -> None:
        self._language = language
        self._as_json = as_json
        self._step = ""
        self._since_s = time.monotonic()
        self._last_s = 0.0
        self.last: UpgradeStatus | None = None

    def show(self, status: UpgradeStatus | None) -> None:
        """None: the new program has not come to say anything yet."""
        step = "proving" if status is None else status.step
        now_s = time.monotonic()
        if step == self._step and now_s - self._last_s < _LINE_EVERY_S:
            return
        self._step, self._last_s = step, now_s
        seconds = f"{now_s - self._since_s:.0f}"
        detail = "" if status is None else status.detail
        if self._as_json:
            took_s = round(now_s - self._since_s, 1)
            _json({"event": "progress", "step": step, "seconds": took_s, "detail": detail})
        else:
            name = say(known(f"upgrade.step.{step}", "upgrade.step.staging"), self._language)
            words = {"step": name, "seconds": seconds, "detail": detail}
            typer.echo(say("upgrade.progress", self._language, **words).rstrip(), err=True)

    def end(self, status: UpgradeStatus, *, running: bool = True) -> int:
        """Raises: what it failed with."""
        import msgspec

        from huiyan.errors import UpdateError
        from huiyan.launcher.remote_errors import rebuild

        if status.error is not None:
            raise rebuild(msgspec.to_builtins(status.error), UpdateError)
        if status.state == "cancelled":
            return errors.INTERRUPTED
        key = "upgrade.done" if running else "upgrade.selected"
        if status.step == "abandoned":
            key = "upgrade.same"
        if self._as_json:
            _json({"event": "end", **msgspec.to_builtins(status)})
        else:
            typer.echo(say(key, self._language, version=status.version))
        return errors.OK


def _json(line: dict[str, Any]) -> None:
    typer.echo(json.dumps(line, ensure_ascii=False))
