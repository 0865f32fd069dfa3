"""A command line that was not understood, said like every other error: what is wrong, and what to do.

The parser speaks English only and prints a box with the whole grammar; its sentences are recognised by
their shape and said in the reader's language. One that is not known stays as the parser worded it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

import typer

from huiyan.messages import Language, say

#: The parser's sentence → key of ours; named groups are its arguments.
#: Source: click 8, exceptions.py and core.py.
_SHAPES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        re.compile(r"No such command '(?P<name>.*?)'\.(?: \(?Did you mean (?P<near>.+?)\?\)?)?$"),
        "usage.command",
    ),
    (
        re.compile(
            r"No such option:? '?(?P<name>-[^\s']*?)'?\.?"
            r"(?: \(?(?:Did you mean|Possible options:) (?P<near>.+?)[?)]+)?$"
        ),
        "usage.option",
    ),
    (re.compile(r"Missing argument '(?P<name>.+)'\.?$"), "usage.missing"),
    (re.compile(r"Missing option '(?P<name>.+)'\.?$"), "usage.missing"),
    (re.compile(r"Missing command\.?$"), "usage.missing_command"),
    (re.compile(r"Option '(?P<name>.+?)' requires (?:an argument|\d+ arguments)\.?$"), "usage.no_value"),
    (re.compile(r"Got unexpected extra arguments? \((?P<name>.+)\)\.?$"), "usage.too_many"),
    (re.compile(r"Got unexpected extra argument\(s\) \((?P<name>.+)\)\.?$"), "usage.too_many"),
    (re.compile(r"Invalid value for '?(?P<name>.+?)'?: (?P<reason>.+)$", re.DOTALL), "usage.value"),
)


def is_usage_error(error: BaseException) -> bool:
    """Whether the parser raised it. By shape, as the parser may be click or typer's own copy of it."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def words(error: Any, language: Language, arguments: Sequence[str]) -> tuple[str, str]:
    """What is wrong, and the command that shows what is right."""
    said = " ".join(error.format_message().split())
    message = said
    for shape, key in _SHAPES:
        found = shape.match(said)
        if found is None:
            continue
        given = {name: value or "" for name, value in found.groupdict().items()}
        near = given.pop("near", "").replace("'", "").strip()
        message = say(key, language, **given)
        if near:
            message += say("usage.near", language, near=near)
        break
    context = getattr(error, "ctx", None)
    # An option at the end without its value is noticed where no command is known any more.
    plain = [word for word in arguments[:1] if not word.startswith("-")]
    command = context.command_path if context is not None else " ".join(["huiyan", *plain])
    return message, say("usage.look", language, command=command)


def show(error: Any, *, language: Language, arguments: Sequence[str]) -> int:
    """Say it on stderr, or as one JSON line on stdout with `--json`; returns the exit code."""
    # Help was shown already, because nothing was asked.
    if type(error).__name__ == "NoArgsIsHelpError":
        return int(error.exit_code)
    message, hint = words(error, language, arguments)
    if "--json" in arguments:
        body = {"error": {"code": "usage", "message": message, "hint": hint, "param": None}}
        typer.echo(json.dumps(body, ensure_ascii=False))
    else:
        typer.echo(say("error", language, message=message), err=True)
        typer.echo(say("hint", language, hint=hint), err=True)
    return int(error.exit_code)


def language_said(arguments: Sequence[str]) -> str | None:
    """What `--lang` says on a command line that could not be read as a whole."""
    for index, word in enumerate(arguments):
        if word == "--lang" and index + 1 < len(arguments):
            return arguments[index + 1]
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
    return None
