"""Noticing a host that is gone without a word: it closes nothing, and its silence looks like thinking.

Two signs, both of the host's system and not of the engine, which may think for minutes. Source: tcp(7).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

#: Options of TCP: s until the first question, s between two, questions, ms for what was sent to be confirmed.
_LOST_AFTER = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 30_000))
#: A system confirms what it gets within milliseconds, however busy its engine is.
UNCONFIRMED_S = 5.0

#: The beginning of Linux' struct tcp_info (linux/tcp.h): eight bytes, then numbers of 32 bits.
_TCP_INFO = struct.Struct("=8B13I")
_UNACKED, _LAST_ACK_MS = 8 + 4, 8 + 12


def watch(transport: asyncio.BaseTransport) -> socket.socket | None:
    """Let the system end the connection after 30 s of its host's silence.

    Returns: the socket for `is_unconfirmed`; None where there is nothing to notice: on this machine.
    """
    opened: socket.socket | None = transport.get_extra_info("socket")
    peer = transport.get_extra_info("peername")
    if opened is None or not peer or str(peer[0]).startswith("127.") or peer[0] == "::1":
        return None
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _LOST_AFTER:
            if hasattr(socket, name):  # not on every system
                opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return opened


def is_unconfirmed(opened: socket.socket) -> bool:
    """Whether something was sent that the other system has confirmed nothing of for five seconds.

    Not so where it is there and only its engine does not read: then nothing is sent. Only of use for what was
    sent as long ago: a connection that was unused has no newer confirmation.
    """
    if not hasattr(socket, "TCP_INFO"):
        return False
    try:
        told = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    except OSError:
        return False
    if len(told) < _TCP_INFO.size:
        return False
    fields = _TCP_INFO.unpack(told)
    return bool(fields[_UNACKED]) and fields[_LAST_ACK_MS] >= UNCONFIRMED_S * 1000
