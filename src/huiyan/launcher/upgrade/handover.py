"""What one version leaves to the next when it becomes it by `exec`: descriptors, children, and why.

Everything that is needed to serve is a descriptor and survives `exec`: the listening socket, the control
socket, the lock on the data directory (it belongs to the open file, not to the program), and of every child
its lifeline and its output. Their numbers stand here, in a file that has no name any more.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from typing import Final, Literal, NoReturn

import msgspec

from huiyan.errors import UpdateError
from huiyan.messages import refusal
from huiyan.settings.selected import command, environment_of, of_this_python, whole_environment
from huiyan.updates.journal import Entry

#: Of this file's form. A version that does not know it refuses before anything is touched (`describe`).
SCHEMA: Final = 1
FLAG: Final = "--takeover-fd"
_MAX_BYTES: Final = 1024 * 1024

Role = Literal["engine", "gateway", "tools"]


class Retiree(msgspec.Struct, frozen=True, kw_only=True):
    """A child of the version before, which ends once the new one has taken over."""

    role: Role
    pid: int
    lifeline_fd: int
    output_fd: int


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A version of huiyan as it is called. environment: what another version's Python must not see."""

    python: str
    arguments: list[str]
    version: str
    environment: dict[str, str] = {}


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the file.

    entry: of the journal, at `switching`. before: who hands over, and takes over again if this fails.

    back: this is the way back; `reason`: why. in_turn: memory holds one engine only.
    descriptors: all that were made inheritable. control_path: of the control socket that is handed over.
    pull: model that was being fetched. litter: directories to remove once the old engine is gone.
    started_unix_s: of the launcher, as `status` tells it.
    """

    schema: int
    entry: Entry
    before: Program
    back: bool
    reason: str
    in_turn: bool
    listener_fd: int
    lock_fd: int
    control_fd: int
    control_path: str
    retirees: list[Retiree]
    pull: str | None
    litter: list[str]
    timeout_s: float
    started_unix_s: float

    @property
    def descriptors(self) -> list[int]:
        children = [fd for each in self.retirees for fd in (each.lifeline_fd, each.output_fd)]
        return [self.listener_fd, self.lock_fd, self.control_fd, *children]


def this_program(version: str, executable: str, arguments: Sequence[str]) -> Program:
    """The one that runs now. arguments: its command line, without the program's name."""
    return Program(
        python=executable,
        arguments=without_flag(arguments),
        version=version,
        environment=of_this_python(),
    )


def become(program: Program, handover: Handover) -> NoReturn:
    """Replace this program by another version, in this process. Raises: OSError; then nothing has changed."""
    fd = _write(handover)
    descriptors = [fd, *handover.descriptors]
    environment = {**environment_of(whole_environment()), **program.environment}
    arguments = [*program.arguments, FLAG, str(fd)]
    try:
        for each in descriptors:
            os.set_inheritable(each, True)
        os.execve(program.python, command(program.python, arguments), environment)  # noqa: S606 - a list
    finally:  # only where `exec` was refused
        for each in descriptors[1:]:
            os.set_inheritable(each, False)
        os.close(fd)


def read(fd: int) -> Handover:
    """What the program before has left; its descriptors are no longer inherited by children.

    Raises: UpdateError.
    """
    try:
        raw = os.pread(fd, _MAX_BYTES, 0)
        handover = msgspec.json.decode(raw, type=Handover)
        os.close(fd)
        for each in handover.descriptors:
            os.set_inheritable(each, False)
    except (OSError, msgspec.MsgspecError) as error:
        raise refusal(UpdateError, "upgrade.handover", reason=error) from error
    return handover


def without_flag(arguments: Sequence[str]) -> list[str]:
    """A command line as a person typed it."""
    kept: list[str] = []
    skip = False
    for word in arguments:
        if skip:
            skip = False
        elif word == FLAG:
            skip = True
        else:
            kept.append(word)
    return kept


def _write(handover: Handover) -> int:
    """A descriptor of a file that has no name, with the handover in it. Raises: OSError."""
    with tempfile.TemporaryFile() as file:
        file.write(msgspec.json.encode(handover))
        file.flush()
        return os.dup(file.fileno())
