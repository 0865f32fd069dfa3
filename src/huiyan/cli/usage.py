"""`huiyan usage`: what each key used, day by day."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.cli.state_access import open_database
from huiyan.messages import Language, say

if TYPE_CHECKING:
    from huiyan.state.records import UsageRow

_DAY_S = 86_400
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_COLUMNS = (
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "images",
    "received_bytes",
    "sent_bytes",
    "errors",
)


@errors.guarded
def usage(
    *,
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help=help_text("help.days"))] = 30,
    key: Annotated[str | None, typer.Option("--key", help=help_text("help.usage_key"))] = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    since_day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - (days - 1) * _DAY_S))
    database = open_database(settings)
    try:
        rows = database.usage(since_day=since_day, key_id=key)
        names = {record.id: record.name for record in database.snapshot().keys}
    finally:
        database.close()
    if as_json:
        found = [_shown(row, names) for row in rows]
        typer.echo(json.dumps({"since_day": since_day, "usage": found}, ensure_ascii=False))
    elif not rows:
        typer.echo(say("usage.none", language, days=days))
    else:
        _print_table(rows, names, language)
    return errors.OK


def _shown(row: UsageRow, names: dict[str, str]) -> dict[str, Any]:
    counts = {name: getattr(row.counts, name) for name in _COLUMNS}
    return {"day": row.day, "key_id": row.key_id, "name": names.get(row.key_id, "")} | counts


def _print_table(rows: list[UsageRow], names: dict[str, str], language: Language) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from huiyan.state.records import Counts

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("day", "key"):
        table.add_column(say(f"usage.head.{column}", language))
    for column in _COLUMNS:
        table.add_column(say(f"usage.head.{column}", language), justify="right")
    total = Counts()
    for row in rows:
        total.add(row.counts)
        name = names.get(row.key_id)
        label = f"{row.key_id} ({name})" if name else row.key_id
        table.add_row(row.day, escape(label), *_cells(row.counts))
    table.add_row(say("usage.total", language), "", *_cells(total), style="bold")
    Console().print(table)


def _cells(counts: Any) -> list[str]:
    return [
        _size(value) if name.endswith("_bytes") else f"{value:,}"
        for name in _COLUMNS
        for value in [getattr(counts, name)]
    ]


def _size(size_bytes: int) -> str:
    value = float(size_bytes)
    for unit in _UNITS[:-1]:
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_UNITS[-1]}"
