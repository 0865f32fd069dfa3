"""The text of huiyan's systemd unit: what is run, and what it may do.

Sources: man 5 systemd.unit, systemd.service, systemd.exec, systemd.resource-control (252 and newer).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

NAME: Final = "huiyan.service"

#: systemd waits so much longer than the launcher, which says what was wrong.
_PATIENCE_S: Final = 60
_STOP_PATIENCE_S: Final = 30
_WATCHDOG_S: Final = 60

#: Works without root: no namespaces of the manager's own, which some systems refuse to users.
_FOR_ALL: Final[tuple[tuple[str, str], ...]] = (
    ("NoNewPrivileges", "yes"),
    ("UMask", "0077"),
    ("LockPersonality", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
    # Those in which a tool is walled in (docs/concepts/threat-model.md).
    ("RestrictNamespaces", "user pid mnt ipc net"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service @mount"),
    ("SystemCallErrorNumber", "EPERM"),
)

#: MemoryDenyWriteExecute is left out: PyTorch and Triton compile at run time.
_FOR_SYSTEM: Final[tuple[tuple[str, str], ...]] = (
    ("DynamicUser", "yes"),
    ("StateDirectory", "huiyan"),
    ("StateDirectoryMode", "0700"),
    ("CacheDirectory", "huiyan"),
    ("CacheDirectoryMode", "0700"),
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateMounts", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectProc", "invisible"),
    ("RemoveIPC", "yes"),
)


@dataclass(frozen=True, kw_only=True)
class Service:
    """What is to be run.

    command: program and arguments; `credential(NAME)` in one stands for a file of `credentials`.
    environment: variables, with the same stand-ins. credentials: name → file with a secret; the manager reads
    it and hands a copy to this service alone. system: for the machine, under a user of its own; otherwise for
    the user who installs it. gpu: devices of NVIDIA's driver. low_port: a port below 1024 is listened on.
    start_timeout_s, drain_timeout_s: the launcher's own.
    """

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, Path] = field(default_factory=dict)
    system: bool = True
    gpu: bool = False
    low_port: bool = False
    start_timeout_s: float = 900.0
    drain_timeout_s: float = 12.0


def credential(name: str) -> str:
    """Where the service finds the credential: `%d` is its directory."""
    return f"{_DIRECTORY}/{name}"


#: No argument contains a NUL, so this stands for nothing else until the text is written.
_DIRECTORY: Final = "\0d"
#: The state directory of a system unit, /var/lib/huiyan.
STATE_DIRECTORY: Final = "\0S/huiyan"
CACHE_DIRECTORY: Final = "\0C/huiyan"


def render(service: Service) -> str:
    """The unit's text. Raises: ValueError for an argument with a line break."""
    unit = [
        ("Description", "huiyan, a vision-chat workstation"),
        ("Wants", "network-online.target"),
        ("After", "network-online.target"),
        ("StartLimitIntervalSec", "300"),
        ("StartLimitBurst", "5"),
    ]
    if not service.system:
        # A user's manager does not know the machine's targets.
        unit = [pair for pair in unit if pair[0] not in ("Wants", "After")]
    install = [("WantedBy", "multi-user.target" if service.system else "default.target")]
    sections = (("Unit", unit), ("Service", _service(service)), ("Install", install))
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in pairs) for name, pairs in sections
    )


def _service(service: Service) -> list[tuple[str, str]]:
    pairs = [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("ExecStart", " ".join(map(_word, service.command))),
        # 0 and a signal's end are wished for; settings and refused checks are the same at the next try.
        ("Restart", "on-failure"),
        ("RestartSec", "5"),
        ("RestartPreventExitStatus", "2 3"),
        # Stopped before it was ready.
        ("SuccessExitStatus", "4"),
        ("TimeoutStartSec", str(math.ceil(service.start_timeout_s) + _PATIENCE_S)),
        ("TimeoutStopSec", str(math.ceil(service.drain_timeout_s) + _STOP_PATIENCE_S)),
        ("WatchdogSec", str(_WATCHDOG_S)),
        # The launcher ends its children in order; what is left of them after that is killed.
        ("KillMode", "mixed"),
        # An engine that the kernel kills for memory is started again by the launcher.
        ("OOMPolicy", "continue"),
        ("LimitNOFILE", "65536"),
    ]
    variables = (f"{name}={value}" for name, value in service.environment.items())
    pairs += [("Environment", _word(variable, dollars=False)) for variable in variables]
    pairs += [("LoadCredential", _path(f"{name}:{path}")) for name, path in service.credentials.items()]
    pairs += _FOR_ALL
    if service.system:
        pairs += _FOR_SYSTEM
        pairs += _devices(gpu=service.gpu)
        if service.low_port:
            named = ("CapabilityBoundingSet", "AmbientCapabilities")
            pairs = [(key, "CAP_NET_BIND_SERVICE" if key in named else value) for key, value in pairs]
    return pairs


def _devices(*, gpu: bool) -> list[tuple[str, str]]:
    if not gpu:
        return [("PrivateDevices", "yes")]
    return [("DevicePolicy", "closed"), ("DeviceAllow", "char-nvidia* rw")]


def _word(text: str, *, dollars: bool = True) -> str:
    """One word, as systemd reads it: quotes and specifiers mean themselves.

    dollars: on a command line `$NAME` would be a variable, elsewhere a dollar is a dollar.
    """
    if any(ord(character) < 32 and character != "\0" for character in text):
        raise ValueError(f"{text!r} contains a control character")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if dollars:
        escaped = escaped.replace("$", "$$")
    return (f'"{escaped}"' if _needs_quotes(text) else escaped).replace("\0", "%")


def _needs_quotes(text: str) -> bool:
    return not text or any(character.isspace() or character in "\"'\\;" for character in text)


def _path(text: str) -> str:
    """A value that is no command line: nothing is split, only specifiers are read."""
    if any(ord(character) < 32 for character in text):
        raise ValueError(f"{text!r} contains a control character")
    return text.replace("%", "%%")
