"""`huiyan logs`: the records of launcher, gateway and engine, newest last."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.messages import refusal

_POLL_S = 0.2
#: Fields that stand at the front of a line, or say nothing to a person.
_SHOWN_FIRST = frozenset({"ts", "level", "source", "message", "logger"})


@errors.guarded
def logs(
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help=help_text("help.follow"))] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help=help_text("help.lines"))] = 100,
    source: Annotated[str | None, typer.Option("--source", help=help_text("help.source"))] = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, _ = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.launcher.state import DataDir

    path = DataDir(settings.data_dir).log
    if not path.exists():
        from huiyan.errors import NotRunningError

        raise refusal(NotRunningError, "logs.none", path=path)
    with path.open("rb") as current:
        for line in deque(_chosen(_history(path, current), source), maxlen=lines):
            _print(line, as_json=as_json)
        if follow:
            try:
                for line in _chosen(_tail(path, current), source):
                    _print(line, as_json=as_json)
            except KeyboardInterrupt:
                # The way to end it.
                return errors.OK
    return errors.OK


def _history(path: Path, current: Iterable[bytes]) -> Iterator[bytes]:
    from huiyan.launcher.logs import rotated

    number = 0
    while rotated(path, number + 1).exists():
        number += 1
    for older in range(number, 0, -1):
        with rotated(path, older).open("rb") as file:
            yield from file
    yield from current


def _tail(path: Path, current: Any) -> Iterator[bytes]:
    """Lines that are appended from now on, through rotations."""
    file = current
    pending = b""
    while True:
        if piece := file.readline():
            pending += piece
            if pending.endswith(b"\n"):
                yield pending
                pending = b""
            continue
        if _replaced(path, file):
            file = path.open("rb")
            continue
        time.sleep(_POLL_S)


def _replaced(path: Path, file: Any) -> bool:
    import os

    try:
        return path.stat().st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def _chosen(raw: Iterable[bytes], source: str | None) -> Iterator[dict[str, Any]]:
    for line in raw:
        try:
            record = json.loads(line)
        except ValueError:
            # The last line of a launcher that was killed while it wrote.
            continue
        if isinstance(record, dict) and (source is None or record.get("source") == source):
            yield record


def _print(record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(record, ensure_ascii=False))
        return
    head = f"{record.get('ts', '')} {record.get('source', ''):<8} {record.get('level', ''):<7}"
    rest = " ".join(
        f"{name}={value}"
        for name, value in record.items()
        if name not in _SHOWN_FIRST and name != "exception"
    )
    typer.echo(f"{head} {record.get('message', '')}{'  ' + rest if rest else ''}")
    if "exception" in record:
        typer.echo(record["exception"])
