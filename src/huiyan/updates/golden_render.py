"""Renders chat templates: `python -m huiyan.updates.golden_render`, a child process of its own.

A template is a program from somebody else: it runs sandboxed, with bounded time and memory, and away from
the launcher. One JSON object comes in on stdin (`Job`), one goes out on stdout (`Rendered`).
Source of the environment's settings: transformers, `utils/chat_template_utils.py`; engines do the same.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from datetime import datetime
from typing import Any, Final, NoReturn

import jinja2
import msgspec
from jinja2 import sandbox

_MEMORY_BYTES: Final = 1 << 30
_CPU_S: Final = 10
_MAX_OUTPUT: Final = 4 * 1024 * 1024


class Job(msgspec.Struct, kw_only=True):
    """template: Jinja source. conversations: variables of each rendering."""

    template: str
    conversations: list[dict[str, Any]]  # Any: JSON


class Rendered(msgspec.Struct, kw_only=True):
    """texts: one for each conversation, None where it failed; errors: why."""

    texts: list[str | None]
    errors: list[str]


def render(job: Job) -> Rendered:
    """Render in this process; `main` is what bounds it."""
    environment = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda pattern: datetime(2026, 1, 1).strftime(pattern)  # noqa: DTZ001
    texts: list[str | None] = []
    errors: list[str] = []
    try:
        template = environment.from_string(job.template)
    except jinja2.TemplateError as error:
        return Rendered(texts=[None] * len(job.conversations), errors=[f"{type(error).__name__}: {error}"])
    for number, variables in enumerate(job.conversations, 1):
        try:
            text = template.render(**variables)
        except Exception as error:  # noqa: BLE001 whatever a template may raise is its fault
            texts.append(None)
            errors.append(f"conversation {number}: {type(error).__name__}: {error}"[:500])
        else:
            texts.append(text[:_MAX_OUTPUT])
    return Rendered(texts=texts, errors=errors)


def _tojson(value: Any, indent: int | None = None) -> str:  # Any: JSON; not escaped for HTML, as Jinja's is
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(render(job)))


if __name__ == "__main__":
    main()
