"""What the service runs, from settings and flags: a command without secrets, and credentials with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from huiyan.deploy import unit
from huiyan.errors import SettingsError
from huiyan.gateway.guard import is_loopback
from huiyan.messages import Text, refusal
from huiyan.settings.model import Settings

#: The driver's control device is there where a card can be used.
_NVIDIA: Final = Path("/dev/nvidiactl")
#: ProtectHome hides these from a system service.
_HIDDEN: Final = (Path("/home"), Path("/root"), Path("/run/user"))


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is not a setting. data_dir, config: as given by flag. python: of the environment with huiyan."""

    system: bool
    gateway_only: bool
    data_dir: Path | None
    config: Path | None
    admin_key_file: Path | None
    python: Path


def plan(settings: Settings, wish: Wish) -> unit.Service:
    """Raises: SettingsError for what would not work as a service, or would put a key into the journal."""
    gateway = settings.gateway
    key_file = wish.admin_key_file or gateway.access.admin_key_file
    if not is_loopback(gateway.host) and key_file is None:
        raise refusal(SettingsError, "service.admin_key", host=gateway.host)
    if wish.gateway_only and not gateway.traffic.backends:
        raise refusal(SettingsError, "service.no_engines")
    # The page speaks each user's language; the journal is for administrators, whose shell is not this one.
    environment = {"LANG": "C.UTF-8"}
    if wish.system:
        _refuse_unreachable(wish, settings)
        environment |= {"HOME": unit.STATE_DIRECTORY, "XDG_CACHE_HOME": unit.CACHE_DIRECTORY}
    secrets = _Secrets()
    if key_file is not None:
        environment["HUIYAN_GATEWAY__ACCESS__ADMIN_KEY_FILE"] = secrets.add("admin-key", key_file)
    command = [str(wish.python.absolute()), "-m", "huiyan", "serve" if wish.gateway_only else "start"]
    command += ["--data-dir", unit.STATE_DIRECTORY if wish.system else str(settings.data_dir)]
    if wish.config is not None:
        command += ["--config", secrets.add("huiyan.toml", wish.config)]
    command += _gateway(settings, secrets)
    command += [] if wish.gateway_only else _engine(settings)
    return unit.Service(
        command=command,
        environment=environment,
        credentials=secrets.files,
        system=wish.system,
        gpu=not wish.gateway_only and _NVIDIA.exists(),
        low_port=0 < gateway.port < 1024,
        start_timeout_s=settings.launcher.timeout_s,
        drain_timeout_s=settings.launcher.drain_timeout_s,
    )


class _Secrets:
    """Files that the service gets as credentials."""

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}

    def add(self, name: str, path: Path) -> str:
        """Where the service finds it. Raises: SettingsError."""
        self.files[name] = _readable(path)
        return unit.credential(name)


def _gateway(settings: Settings, secrets: _Secrets) -> list[str]:
    gateway = settings.gateway
    words = ["--host", gateway.host, "--port", str(gateway.port)]
    if gateway.traffic.workers > 1:
        words += ["--workers", str(gateway.traffic.workers)]
    if gateway.tls.cert is not None and gateway.tls.key is not None:
        words += ["--tls-cert", secrets.add("tls.crt", gateway.tls.cert)]
        words += ["--tls-key", secrets.add("tls.key", gateway.tls.key)]
    elif gateway.tls.self_signed:
        words.append("--tls-self-signed")
    if settings.engine.model is not None:
        words += ["--model", settings.engine.model]
    return words


def _engine(settings: Settings) -> list[str]:
    words = ["--no-browser"]
    if settings.engine.model_path is not None:
        words += ["--model-path", str(settings.engine.model_path.expanduser().absolute())]
    if settings.explicit("engine", "engine"):
        words += ["--engine", settings.engine.engine]
    return words


def _readable(path: Path) -> Path:
    """The file's absolute path. The manager reads it as root, so that it may be closed to everybody else."""
    found = path.expanduser().absolute()
    try:
        there = found.is_file()
    except PermissionError:
        there = True
    if not there:
        raise refusal(SettingsError, "settings.file", path=found, reason=Text("reason.no_file", {}))
    return found


def _refuse_unreachable(wish: Wish, settings: Settings) -> None:
    """A system service sees no home directories, and writes to its state directory alone."""
    if wish.data_dir is not None:
        raise refusal(SettingsError, "service.data_dir")
    places = [wish.python.absolute(), wish.python.resolve()]
    if settings.engine.model_path is not None:
        places.append(settings.engine.model_path.expanduser().absolute())
    for place in places:
        if any(place.is_relative_to(hidden) for hidden in _HIDDEN):
            raise refusal(SettingsError, "service.hidden", path=place)
