"""The socket pair between the launcher and each of its children.

One end stays with the launcher, the other is inherited by the child, whose command line names
its number (`--lifeline-fd N`). Messages are JSON objects, one a line, in both directions: the
launcher's first one (`boot`) brings settings and secrets, which therefore never stand in an
argument list or an environment. The end of the stream says that the other side is gone,
however it died: a child that reads it must be gone within `ORPHAN_GRACE_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec

#: A child without its launcher ends by itself within this time (DESIGN.md, three layers).
ORPHAN_GRACE_S = 5.0

_MAX_LINE_BYTES = 8 * 1024 * 1024

#: JSON object; `type` names the message. Any: messages are decoded by whoever owns the type.
Message = Mapping[str, Any]


def pair() -> tuple[socket.socket, socket.socket]:
    """Return (launcher's end, child's end). The child's end is inheritable, the other is not."""
    ours, theirs = socket.socketpair()
    theirs.set_inheritable(True)
    return ours, theirs


class Lifeline:
    """Either end, used from an event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, sock: socket.socket) -> Lifeline:
        """Take `sock` over; it must not be used elsewhere afterwards."""
        sock.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=sock, limit=_MAX_LINE_BYTES)
        return cls(reader, writer)

    @classmethod
    async def from_fd(cls, fd: int) -> Lifeline:
        """The child's side: `fd` as given on the command line."""
        os.set_inheritable(fd, False)
        return await cls.open(socket.socket(fileno=fd))

    def send(self, message: Message) -> None:
        """Queue one message; never waits. A peer that is gone is noticed by `messages()`."""
        if not self._writer.is_closing():
            self._writer.write(msgspec.json.encode(message) + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        """The next message, or None once the other side is gone."""
        try:
            line = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            return None
        return msgspec.json.decode(line, type=dict[str, Any])

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yield messages until the other side is gone."""
        while (message := await self.receive()) is not None:
            yield message

    def close(self) -> None:
        self._writer.close()


class ThreadLifeline:
    """The child's side for a process that has no event loop (the llama.cpp child)."""

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)
        self._socket = socket.socket(fileno=fd)
        self._file = self._socket.makefile("rb")
        self._lock = threading.Lock()

    def receive(self) -> dict[str, Any] | None:
        """Wait for the next message; None once the launcher is gone."""
        try:
            line = self._file.readline(_MAX_LINE_BYTES)
        except OSError:
            return None
        return msgspec.json.decode(line, type=dict[str, Any]) if line.endswith(b"\n") else None

    def send(self, message: Message) -> None:
        """Send one message; an absent launcher is not this call's business."""
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(msgspec.json.encode(message) + b"\n")

    def watch(
        self, on_message: Callable[[dict[str, Any]], None], on_gone: Callable[[], None]
    ) -> threading.Thread:
        """Read in a daemon thread: each message, then `on_gone` once."""

        def run() -> None:
            while (message := self.receive()) is not None:
                on_message(message)
            on_gone()

        thread = threading.Thread(target=run, name="lifeline", daemon=True)
        thread.start()
        return thread
