"""Why a hub could not be reached, in words; a client library's own text is a chain of class names."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from huiyan.messages import Text

_LONGEST = 200


def reason_of(error: BaseException) -> str | Text:
    """The root of a connection error where it is one of the usual four; else what the library says."""
    for cause in _chain(error):
        if isinstance(cause, socket.gaierror):
            return Text("sources.reason.name", {})
        if isinstance(cause, ConnectionRefusedError):
            return Text("sources.reason.refused", {})
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Text("sources.reason.certificate", {"reason": cause.verify_message})
        if isinstance(cause, TimeoutError):
            return Text("sources.reason.silent", {})
    return " ".join(str(error).split())[:_LONGEST] or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it came of: causes, contexts, and the `reason`s and arguments of urllib3's."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        nearby = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        waiting += [one for one in nearby if isinstance(one, BaseException)]
