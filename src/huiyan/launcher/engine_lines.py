"""The engine's output as records: llama.cpp's and vLLM's line formats, and what must not be kept of them.

llama.cpp: `0.00.643.679 I slot print_timing: id  0 | task 0 | …` (time since start, level, module, function).
vLLM: `(APIServer pid=1) INFO 11-22 10:00:00 [core.py:75] …`; its uvicorn: `INFO:     127.0.0.1:1 - "GET …`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from huiyan import log

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_LLAMA_CPP: Final = re.compile(r"\d+(?:\.\d+)+ ([EWIDT]) (?:(\w+) +)?(\S+?): (.*)")
_TASK: Final = re.compile(r"\b(?:task|id_task =|task id =) (\d+)\b")
_VLLM: Final = re.compile(
    r"((?:\([\w ]+ pid=\d+\) )*)(DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? "
    r"\[?([\w./<>-]+:\d+)\] ?(.*)"
)
_UVICORN: Final = re.compile(r"((?:\([\w ]+ pid=\d+\) )*)(DEBUG|INFO|WARNING|ERROR|CRITICAL): {2,}(.*)")
_PROCESS: Final = re.compile(r"\(([\w ]+) pid=\d+\) ")
_REQUEST: Final = re.compile(r"\b(?:chatcmpl|cmpl)-([\w.-]{1,100})")
_EXCEPTION: Final = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit)(?::|$)")
_GONE_WRONG: Final = re.compile(r"GGML_ASSERT|GGML_ABORT|: fatal error|Segmentation fault|core dumped")

_LEVELS: Final = {"E": "error", "W": "warning", "I": "info", "D": "debug", "T": "debug"}

#: What the user asked, what the model answered, pieces of a body that could not be read.
_CONTENT: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"(Received request [^:]+: ).*", re.DOTALL), r"\1" + log.MASK),
    (re.compile(r"(Generated response .{1,160}?: output: ).*", re.DOTALL), r"\1" + log.MASK),
    (re.compile(r"(last read: ).*", re.DOTALL), r"\1" + log.MASK),
    (re.compile(r"(input_value=).*?(, input_type=|$)"), rf"\1{log.MASK}\2"),
    (re.compile(r"\b((?:prompt|content|text|messages)['\"]?\s*[:=]\s*)(['\"\[]).*"), r"\1" + log.MASK),
)

#: No line of an engine says more in more.
_MAX_CHARS: Final = 8192

#: An engine that logs JSON: where it keeps what a line needs.
_JSON_LEVELS: Final = ("level", "levelname", "severity")
_JSON_MESSAGES: Final = ("message", "msg", "event")


class EngineLines:
    """Turns one engine's lines into records, in their order: lines of a traceback belong together."""

    def __init__(self) -> None:
        self._level = "info"

    def record(self, line: str) -> dict[str, Any]:
        """`ts`, `level`, `source` and `message`; `logger`, `task`, `request_id` where the line tells them."""
        # A progress bar redraws itself; what it showed last is what counts.
        line = _COLOURS.sub("", line.rstrip("\r").rpartition("\r")[2][:_MAX_CHARS])
        found = _from_json(line) or _llama_cpp(line) or _vllm(line) or _uvicorn(line)
        if found is None:
            found = {"level": self._plain_level(line), "message": line}
        self._level = str(found["level"])
        text = without_content(str(found["message"]))
        record = {"ts": log.timestamp(time.time()), "source": "engine", **found, "message": log.redact(text)}
        if request := _REQUEST.search(text):
            record["request_id"] = request[1].rstrip(".")
        return record

    def _plain_level(self, line: str) -> str:
        bare = _PROCESS.sub("", line)
        if bare.startswith("Traceback ") or _EXCEPTION.match(bare) or _GONE_WRONG.search(bare):
            return "error"
        # The inside of a traceback, or the rest of a message.
        return self._level if bare[:1] in (" ", "\t") else "info"


def without_content(text: str) -> str:
    """`text` without prompts and answers."""
    for pattern, replacement in _CONTENT:
        text = pattern.sub(replacement, text)
    return text


def _llama_cpp(line: str) -> dict[str, Any] | None:
    found = _LLAMA_CPP.match(line)
    if found is None:
        return None
    level, module, function, message = found.groups()
    record: dict[str, Any] = {
        "level": _LEVELS[level],
        "logger": f"llama.cpp.{module}.{function}" if module else f"llama.cpp.{function}",
        "message": message,
    }
    if task := _TASK.search(message):
        record["task"] = int(task[1])
    return record


def _vllm(line: str) -> dict[str, Any] | None:
    found = _VLLM.match(line)
    if found is None:
        return None
    return _with_process(
        found[1], {"level": found[2].lower(), "logger": f"vllm.{found[3]}", "message": found[4]}
    )


def _uvicorn(line: str) -> dict[str, Any] | None:
    found = _UVICORN.match(line)
    if found is None:
        return None
    return _with_process(found[1], {"level": found[2].lower(), "logger": "vllm.uvicorn", "message": found[3]})


def _with_process(prefix: str, record: dict[str, Any]) -> dict[str, Any]:
    names = _PROCESS.findall(prefix)
    return record | {"process": names[-1]} if names else record


def _from_json(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        fields: Mapping[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        return None
    message = next((fields[name] for name in _JSON_MESSAGES if isinstance(fields.get(name), str)), None)
    if message is None:
        return None
    level = next((fields[name] for name in _JSON_LEVELS if isinstance(fields.get(name), str)), "info").lower()
    record = {"level": {"warn": "warning", "fatal": "critical"}.get(level, level), "message": message}
    for name in ("logger", "name"):
        if isinstance(fields.get(name), str):
            record["logger"] = log.redact(fields[name])[:100]
            break
    return record
