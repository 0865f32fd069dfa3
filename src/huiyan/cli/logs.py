"""`huiyan logs`: the records of launcher, gateway, engine and page, newest last."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.messages import refusal

if TYPE_CHECKING:
    from huiyan.log.choice import Choice
    from huiyan.log.follow import LogFollower

_POLL_S = 0.2
_READ_BYTES = 1 << 20
_DEFAULT_LINES = 100
#: Fields that stand at the front of a line, or say nothing to a person.
_SHOWN_FIRST = frozenset({"ts", "level", "source", "message", "logger", "origin"})

Source = Literal["launcher", "gateway", "engine", "tools", "browser"]
Level = Literal["debug", "info", "warning", "error", "critical"]


@errors.guarded
def logs(  # noqa: PLR0913 - one parameter for each flag
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help=help_text("help.follow"))] = False,
    lines: Annotated[int | None, typer.Option("--lines", "-n", min=0, help=help_text("help.lines"))] = None,
    source: Annotated[Source | None, typer.Option("--source", help=help_text("help.source"))] = None,
    level: Annotated[Level | None, typer.Option("--level", help=help_text("help.level"))] = None,
    request: Annotated[str | None, typer.Option("--request", help=help_text("help.request"))] = None,
    since: Annotated[str | None, typer.Option("--since", help=help_text("help.since"))] = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, _ = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.errors import NotRunningError
    from huiyan.launcher.state import DataDir
    from huiyan.log.choice import Choice
    from huiyan.log.follow import LogFollower, rotations

    choice = Choice(source=source, level=level, request_id=request, since=_since(since))
    if lines is None and since is None and request is None:
        lines = _DEFAULT_LINES
    path = DataDir(settings.data_dir).log
    try:
        follower = LogFollower(path, oldest=rotations(path))
    except FileNotFoundError:
        raise refusal(NotRunningError, "logs.none", path=path) from None
    try:
        for record in deque(_chosen(follower, choice), maxlen=lines):
            _print(record, as_json=as_json)
        if follow:
            _follow(follower, choice, as_json=as_json)
    except KeyboardInterrupt:
        # The way to end it.
        return errors.OK
    finally:
        follower.close()
    return errors.OK


def _since(text: str | None) -> str | None:
    """Raises: typer.BadParameter."""
    from huiyan.log.choice import since_of
    from huiyan.messages import say
    from huiyan.settings.environment import system_language

    try:
        return None if text is None else since_of(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            say("logs.since", system_language(), text=text), param_hint="--since"
        ) from None


def _follow(follower: LogFollower, choice: Choice, *, as_json: bool) -> None:
    while True:
        lines = follower.read(_READ_BYTES)
        for record in _chosen(lines, choice):
            _print(record, as_json=as_json)
        if not lines:
            time.sleep(_POLL_S)


def _chosen(raw: Iterable[bytes], choice: Choice) -> Iterator[dict[str, Any]]:
    import msgspec

    for line in raw:
        try:
            record = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # The last line of a launcher that was killed while it wrote.
            continue
        if isinstance(record, dict) and choice.takes(record):
            yield record


def _print(record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(record).decode())
        return
    from huiyan.log.choice import source_of

    head = f"{record.get('ts', '')} {source_of(record):<8} {record.get('level', ''):<7}"
    rest = " ".join(
        f"{name}={value}"
        for name, value in record.items()
        if name not in _SHOWN_FIRST and name != "exception"
    )
    typer.echo(f"{head} {record.get('message', '')}{'  ' + rest if rest else ''}")
    if "exception" in record:
        typer.echo(record["exception"])
