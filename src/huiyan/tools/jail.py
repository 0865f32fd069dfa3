"""The wall around one tool: a small program that limits itself and then becomes the tool.

    python -I -S jail.py CONFIG_FD REPORT_FD

It imports nothing but the standard library, and nothing of huiyan. CONFIG_FD brings one JSON object (command,
environment, directory, limits); REPORT_FD takes one back that says what is enforced here. The steps:

    outer   new namespaces where the kernel lets us: user, process ids, mounts, IPC and, without the grant,
    network
      inner   covers huiyan's own state with empty directories, drops every capability; process 1 of the
      tool's world
        tool    limits of memory, files, processes; then exec

The namespace of process ids makes the end certain: when `inner` ends, the kernel kills all that the tool
started. Where namespaces are refused (some containers), limits and process group are left, and the report
says so. Source: man 7 user_namespaces, pid_namespaces, mount_namespaces, capabilities; man 2 prctl,
setrlimit.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

_NEWNS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 1, 24, 38, 36
_LAST_CAPABILITY = 63
_CANNOT_START = 127

_LINUX = sys.platform.startswith("linux")
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None


def _call(name: str, *arguments: Any) -> bool:
    """A function of the C library; whether it worked."""
    return _libc is not None and getattr(_libc, name)(*arguments) == 0


def _unshare(flags: int) -> bool:
    """New namespaces, this process still being who it was."""
    user, group = os.getuid(), os.getgid()
    if not _call("unshare", flags):
        return False
    try:
        for path, line in (
            ("/proc/self/setgroups", "deny"),
            ("/proc/self/uid_map", f"{user} {user} 1"),
            ("/proc/self/gid_map", f"{group} {group} 1"),
        ):
            with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs a third of the start
                file.write(line)
    except OSError:
        return False
    return True


def _separate(*, network: bool) -> int:
    """The namespaces that this machine gives, as flags; 0 for none."""
    if not _LINUX:
        return 0
    net = 0 if network else _NEWNET
    for flags in (_NEWUSER | _NEWPID | _NEWNS | _NEWIPC | net, _NEWUSER | _NEWPID | net, _NEWUSER | net):
        # A failed attempt may leave half of it behind: tried in a child first.
        child = os.fork()
        if child == 0:
            os._exit(0 if _unshare(flags) else 1)
        if os.waitpid(child, 0)[1] == 0 and _unshare(flags):
            return flags
    return 0


def _cover(hidden: list[str]) -> bool:
    """Empty directories over what a tool must not see. In a mount namespace of our own."""
    if not _call("mount", b"none", b"/", None, _MS_REC | _MS_PRIVATE, None):
        return False
    flags = _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    covered = [
        _call("mount", b"tmpfs", os.fsencode(path), b"tmpfs", flags, b"size=4k,mode=700")
        for path in hidden
        if os.access(path, os.X_OK)  # what it cannot enter needs no cover
    ]
    # Processes outside are none of its business; where /proc cannot be mounted anew it sees their numbers.
    _call("mount", b"proc", b"/proc", b"proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, None)
    return all(covered)


def _drop_capabilities() -> None:
    """What exec gives a root of a user namespace: nothing."""
    for capability in range(_LAST_CAPABILITY + 1):
        _call("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _limit(kind: int, value: int) -> bool:
    try:
        hard = resource.getrlimit(kind)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (most, most))
    except (OSError, ValueError):
        return False
    return True


def _become(config: dict[str, Any], *, own_users: bool) -> None:
    """Never returns: the limits, then the tool."""
    try:
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_AS, config["address_space_bytes"])
        _limit(resource.RLIMIT_NOFILE, config["open_files"])
        _limit(resource.RLIMIT_FSIZE, config["file_bytes"])
        if own_users and os.getuid() != 0:
            # Counted within the namespace; without one, all processes of the user would count.
            _limit(resource.RLIMIT_NPROC, config["processes"])
        os.chdir(config["directory"])
        os.execve(config["command"][0], config["command"], config["environment"])  # noqa: S606 - what it is for
    except (OSError, ValueError, MemoryError) as error:
        os.write(2, f"{config['command'][0]} cannot be started: {error}\n".encode())
    os._exit(_CANNOT_START)


def _reap_until(child: int) -> int:
    """Wait for `child`, and for whatever else was left to us; its exit code."""
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            return _CANNOT_START
        if pid == child:
            return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _away_from_pipes() -> None:
    """Only the tool itself may hold the pipes to the host: their end has to mean that it ended."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)


def _inner(config: dict[str, Any], flags: int, report: int) -> int:
    """Process 1 of the tool's world, or an ordinary one where there is none."""
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    hidden = bool(flags & _NEWNS) and _cover(config["hidden"])
    if flags:
        _drop_capabilities()
    said = {
        "network": bool(flags & _NEWNET),
        "memory": _LINUX,
        "processes": "limited" if flags and os.getuid() != 0 else "watched",
        "hidden": hidden,
        "contained": bool(flags & _NEWPID),
    }
    os.write(report, json.dumps(said).encode())
    os.close(report)
    tool = os.fork()
    if tool == 0:
        _become(config, own_users=bool(flags))
    _away_from_pipes()
    return _reap_until(tool)


def main() -> int:
    """The outer process: it only waits."""
    source, report = int(sys.argv[1]), int(sys.argv[2])
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with os.fdopen(source, "rb") as file:
        config = json.load(file)
    flags = _separate(network=config["network"])
    inner = os.fork()
    if inner == 0:
        os._exit(_inner(config, flags, report))
    os.close(report)
    _away_from_pipes()
    return _reap_until(inner)


if __name__ == "__main__":
    os._exit(main())
