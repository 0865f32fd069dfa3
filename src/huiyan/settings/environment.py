"""The process's environment, as far as huiyan takes notice of it. Nothing else reads `os.environ`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from huiyan.sources.proxies import Proxies

PREFIX: Final = "HUIYAN_"

#: Handed on to children: what Python, the C library and the locale need, and nothing that may be secret.
_HANDED_ON: Final = (
    "CC",
    "CUDA_DEVICE_ORDER",
    "CUDA_HOME",
    "CUDA_VISIBLE_DEVICES",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONHOME",
    "PYTHONPATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TZ",
    "VIRTUAL_ENV",
    "XDG_CACHE_HOME",
)


def proxies() -> Proxies:
    """HTTPS_PROXY and its kin, as other programs read them."""
    return Proxies.from_variables(os.environ)


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A child's whole environment; settings and secrets come over its lifeline instead."""
    chosen = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    return {**chosen, **(extra or {})}


class ManagerAddress(NamedTuple):
    """socket: a path, or `@name` for the abstract namespace; "" for none.

    watchdog_s: the manager ends the service after this long without a sign of life; None: never.
    """

    socket: str
    watchdog_s: float | None


def service_manager() -> ManagerAddress:
    """Who wants to hear that this very process is ready; children are not handed the variables."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    watchdog_s = int(microseconds) / 1e6 if meant and microseconds.isdecimal() else None
    return ManagerAddress(address if address.startswith(("/", "@")) else "", watchdog_s or None)


def manager_environment() -> dict[str, str]:
    """For systemctl, which finds this user's manager by these."""
    names = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS")
    return child_environment({name: os.environ[name] for name in names if name in os.environ})


def config_home() -> Path:
    """Where this user's programs keep their settings: XDG Base Directory Specification 0.8."""
    given = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(given) if given.startswith("/") else Path.home() / ".config"


def variables() -> dict[str, str]:
    """Every `HUIYAN_*` variable."""
    return {name: value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}


def system_language() -> Literal["zh", "en"]:
    """By the locale, as POSIX orders its variables."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def can_open_browser() -> bool:
    """Whether a browser window would reach the person who typed the command."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("CI"):
        return False
    if sys.platform == "darwin":
        return True
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return False
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


#: pip's names for what uv calls otherwise. What is set for uv itself wins.
_PIP_TO_UV: Final = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_NO_INDEX": "UV_NO_INDEX",
    "PIP_CERT": "SSL_CERT_FILE",
}


def installer_environment() -> dict[str, str]:
    """For uv, which fetches packages: mirrors and proxies on top of what every child gets."""
    chosen = child_environment()
    for name, value in os.environ.items():
        if name.startswith(("UV_", "XDG_")) or name.lower() in (
            "http_proxy",
            "https_proxy",
            "no_proxy",
            "all_proxy",
        ):
            chosen[name] = value
    for pip, uv in _PIP_TO_UV.items():
        if given := os.environ.get(pip):
            chosen.setdefault(uv, given.replace(" ", ",") if pip == "PIP_FIND_LINKS" else given)
    # Nothing of the environment that huiyan itself runs in.
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        chosen.pop(name, None)
    return chosen


def ray_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """For Ray's processes: what it is told by variables of its own, and nothing of huiyan's environment."""
    chosen = child_environment()
    chosen.update({name: value for name, value in os.environ.items() if name.startswith("RAY_")})
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        chosen.pop(name, None)
    return {**chosen, "RAY_USAGE_STATS_ENABLED": "0", **(extra or {})}
