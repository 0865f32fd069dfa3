"""Log records as JSON objects, one a line, on the standard `logging` module.

A record carries `ts`, `level`, `source` (gateway, launcher, …), `logger`, `message`, the request's id
where there is one, and every `extra={…}` field of the call. The launcher gathers the lines of all
processes in `logs/huiyan.jsonl`. Secrets and pictures are cut out of every text on its way.
`choice` picks records, `follow` reads the file and its rotations.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final, TextIO

import msgspec

#: Id of the request being served; set where it is admitted, read by every record written below it.
request_id: ContextVar[str | None] = ContextVar("huiyan_request_id", default=None)

MASK: Final = "[redacted]"

#: What every LogRecord has by itself; anything else on a record came from `extra={…}`.
_OWN_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_SENSITIVE: Final = (
    r"[\w-]*(?:api[_-]?keys?|secrets?|passwords?|authorization|cookies?|csrf|access[_-]?token|hf[_-]?token)"
)
_SECRET_FIELD: Final = re.compile(_SENSITIVE, re.IGNORECASE)

_REPLACEMENTS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    # A picture as a data URL, with or without base64 (RFC 2397).
    (
        re.compile(r"(data:[\w.+-]+\\?/[\w.+-]+(?:;[\w.=+-]+)*,)[^\s\"'<>\\)\]}]+", re.IGNORECASE),
        r"\1" + MASK,
    ),
    # A picture, or a piece of one, without its URL. Ids, digests and paths are shorter.
    (re.compile(r"[A-Za-z0-9+/_-]{256,}={0,2}"), MASK),
    # A cookie header holds several; everything to the end of its line goes.
    (re.compile(r"\b((?:set-)?cookie[\"']?\s*:\s*[\"']?)[^\r\n\"']+", re.IGNORECASE), rf"\1{MASK}"),
    # The scheme stays, so that a reader sees which kind of credential was sent.
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE), r"\1 " + MASK),
    # name=value, name: value, "name": "value", 'name': ['value', …]
    (
        re.compile(
            # Not \b: a run of words with hyphens would be gone through from each of them.
            rf"(?P<name>(?<![\w-]){_SENSITIVE}[\"']?\s*[=:]\s*)(?!(?:Bearer|Basic)\s)"
            r"(?P<open>[\[(]?[\"']?)[^\s\"',;&\[\]{}()]+",
            re.IGNORECASE,
        ),
        rf"\g<name>\g<open>{MASK}",
    ),
    (re.compile(r"(?<![A-Za-z0-9])(?:sk|hy|hf)[-_][A-Za-z0-9_-]{16,}"), MASK),
)


# Before `configure`, and in commands that never call it, records go nowhere instead of to stderr.
logging.getLogger("huiyan").addHandler(logging.NullHandler())


def redact(text: str) -> str:
    """Return `text` without credentials and without the bytes of pictures."""
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    return text


def clean(value: object) -> Any:
    """`value` in JSON's types, redacted at every depth."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {
            str(name): MASK if _SECRET_FIELD.fullmatch(str(name)) else clean(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(item) for item in value]
    return redact(str(value))


def timestamp(unix_s: float) -> str:
    """`unix_s` as ISO 8601 in UTC with milliseconds: 2026-01-31T08:00:00.123Z."""
    whole_s, ms = divmod(round(unix_s * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole_s))}.{ms:03d}Z"


class JsonFormatter(logging.Formatter):
    """One JSON object a line. `source` names the process."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self._source = source

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": timestamp(record.created),
            "level": record.levelname.lower(),
            "source": self._source,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        current = request_id.get()
        if current is not None:
            line["request_id"] = current
        for name, value in vars(record).items():
            if name not in _OWN_FIELDS:
                line[name] = MASK if _SECRET_FIELD.fullmatch(name) else clean(value)
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = redact(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = redact(record.stack_info)
        return msgspec.json.encode(line).decode()


def configure(source: str, stream: TextIO, *, level: int = logging.INFO) -> logging.Handler:
    """Send every record of this process to `stream`; replaces what an earlier call set up.

    The handler is returned for tests that want to take it off again.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(source))
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known.formatter, JsonFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # A log that cannot be written (closed pipe, full disk) must not take the service along.
    logging.raiseExceptions = False
    return handler


def get_logger(name: str) -> logging.Logger:
    """The logger for a module; pass `__name__`."""
    return logging.getLogger(name)
