"""One GET, redirects followed by our rules, up to the head of the final answer.

Credentials go to the origin that they are for and nowhere else; no step leads from HTTPS to HTTP; a loop
ends. The body is read by the caller, into the caller's buffer.
"""

from __future__ import annotations

import http.client
import io
import ssl
from typing import Final
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from huiyan import __version__
from huiyan.errors import SourceDeniedError, SourceNotFoundError, SourceProtocolError
from huiyan.messages import refusal
from huiyan.sources.protocol import FileRequest
from huiyan.sources.transfer.connections import Connection, Connections, Origin
from huiyan.sources.transfer.faults import PASSING, PassingFault, retry_after_s

_MAX_REDIRECTS: Final = 8
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"http": 80, "https": 443}
#: Everything that may stand in a URL as it is, and the percent sign: it was quoted before.
_URL_SAFE: Final = "%/:=&?~#+!$,;'@()*[]-._"

#: A copy of what identifies us without telling more than it has to.
USER_AGENT: Final = f"huiyan/{__version__}"


class Answer:
    """The head of an answer and its open body. linked_*: what a hub said of the file before it redirected."""

    def __init__(
        self, url: str, connection: Connection, response: http.client.HTTPResponse, connections: Connections
    ) -> None:
        self.url = url
        self.host = urlsplit(url).hostname or ""
        self.status = response.status
        self.linked_etag = ""
        self.linked_size: int | None = None
        self._response = response
        self._at_start = True
        self._connection = connection
        self._connections = connections

    def header(self, name: str) -> str | None:
        return self._response.headers.get(name)

    @property
    def length_bytes(self) -> int | None:
        """Content-Length; None where the body ends otherwise."""
        return None if self._response.chunked else self._response.length

    @property
    def etag(self) -> str:
        """A strong validator, or ""."""
        value = self.header("etag") or ""
        return value if value.startswith('"') and value.endswith('"') and len(value) > 2 else ""

    def read_into(self, view: memoryview) -> int:
        """Some bytes, 0 at the end or where it was cut. Raises: PassingFault."""
        try:
            if self._response.chunked or self._response.length is None:
                piece = self._response.read1(len(view))
                view[: len(piece)] = piece
                return len(piece)
            most = min(len(view), self._response.length)
            if most == 0:
                return 0
            if self._at_start:
                # What came together with the head lies in the reader's buffer. Asked for more than that, it
                # waits for the network before it gives it away, and loses it when the connection breaks.
                self._at_start, most = False, min(most, io.DEFAULT_BUFFER_SIZE)
            # As much as has come: readinto() would wait for all.
            count = self._response.fp.readinto1(view[:most])
            self._response.length -= count
            return count
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            raise PassingFault(self.host, reason_of(error)) from error

    def finish(self) -> None:
        """The body was read to its end: the connection may serve again, if both sides mean to keep it."""
        if self._response.will_close or not (self._response.length == 0 or self._response.isclosed()):
            self.close()
            return
        self._response.close()
        self._connections.give_back(self._connection)

    def close(self) -> None:
        self._connections.drop(self._connection)


def get(connections: Connections, request: FileRequest, headers: dict[str, str]) -> Answer:
    """The answer to a GET for `request`, with status 200, 206, 416 or 304.

    headers: of this request alone (Range, If-Range); they go along to where a redirect leads.
    Raises: PassingFault, SourceDeniedError, SourceNotFoundError, SourceProtocolError, OfflineError.
    """
    url = checked_url(request.url, came_from="")
    own = origin_of(url)
    seen: set[str] = set()
    linked_etag, linked_size = "", None
    while True:
        if url in seen or len(seen) > _MAX_REDIRECTS:
            raise _wrong(url, "redirects in a circle")
        seen.add(url)
        credentials = request.headers if origin_of(url) == own else {}
        answer = _send(connections, url, {**_COMMON, **credentials, **headers})
        if answer.status not in _REDIRECTS:
            answer.linked_etag, answer.linked_size = linked_etag, linked_size
            return _accepted(answer, request)
        linked_etag = (answer.header("x-linked-etag") or "").strip('"') or linked_etag
        size = answer.header("x-linked-size") or ""
        linked_size = int(size) if size.isascii() and size.isdigit() else linked_size
        location = answer.header("location")
        answer.close()
        if not location:
            raise _wrong(url, f"HTTP {answer.status} without Location")
        url = checked_url(location, came_from=url)


def origin_of(url: str) -> Origin:
    parts = urlsplit(url)
    return (parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))


def reason_of(error: Exception) -> str:
    """In words without the URL, which may carry a signature."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)[:200] or type(error).__name__


_COMMON: Final = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}


def checked_url(url: str, *, came_from: str) -> str:
    """The URL (relative to `came_from`) in a form that can be sent. Raises: SourceProtocolError."""
    try:
        parts = urlsplit(urljoin(came_from, url))
        _ = parts.port
    except ValueError as error:
        raise _wrong(came_from, "leads to no HTTP address") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _wrong(came_from or url, "leads to no HTTP address")
    if came_from and urlsplit(came_from).scheme == "https" and parts.scheme == "http":
        raise _wrong(came_from, "leads from HTTPS to HTTP")
    netloc = parts.netloc.rpartition("@")[2]
    path = quote(parts.path, safe=_URL_SAFE) or "/"
    return urlunsplit((parts.scheme, netloc, path, quote(parts.query, safe=_URL_SAFE), ""))


def _send(connections: Connections, url: str, headers: dict[str, str]) -> Answer:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    fresh = False
    while True:
        connection: Connection | None = None
        try:
            connection = connections.take(origin_of(url), fresh=fresh)
            response = connection.send(target, url, headers)
            return Answer(url, connection, response, connections)
        except ssl.SSLCertVerificationError as error:
            raise _wrong(url, f"its certificate is not trusted ({error.verify_message})") from error
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            reused = connection is not None and connection.reused
            if connection is not None:
                connections.drop(connection)
            if reused and not fresh:
                # It was closed while it waited: that says nothing about the source.
                fresh = True
                continue
            raise PassingFault(parts.hostname or "", reason_of(error)) from error


def _accepted(answer: Answer, request: FileRequest) -> Answer:
    status, path = answer.status, urlsplit(request.url).path
    if status in (200, 206, 304, 416):
        encoding = (answer.header("content-encoding") or "identity").strip().lower()
        if encoding not in ("", "identity"):
            answer.close()
            raise _wrong(answer.url, f"sends Content-Encoding {encoding[:20]}")
        return answer
    waits = retry_after_s(answer.header("retry-after"))
    answer.close()
    if status in PASSING:
        raise PassingFault(answer.host, f"HTTP {status}", retry_after_s=waits)
    if status in (401, 402, 403, 407, 451):
        raise refusal(SourceDeniedError, "sources.denied", host=answer.host, what=path, status=status)
    if status in (404, 410):
        raise refusal(SourceNotFoundError, "sources.file_not_found", host=answer.host, path=path)
    raise _wrong(answer.url, f"HTTP {status}")


def _wrong(url: str, reason: str) -> SourceProtocolError:
    return refusal(
        SourceProtocolError, "sources.protocol", host=urlsplit(url).hostname or url[:100], reason=reason
    )
