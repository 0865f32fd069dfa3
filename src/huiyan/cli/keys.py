"""`huiyan keys create | list | revoke`: works on the database; a running gateway notices within a second."""

from __future__ import annotations

import enum
import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huiyan.cli import errors, options
from huiyan.cli.durations import seconds_of
from huiyan.cli.options import help_text
from huiyan.cli.state_access import open_database
from huiyan.messages import Language, say

if TYPE_CHECKING:
    from huiyan.state.records import KeyRecord

_Limit = int | None
_LIMITS = ("requests_per_min", "tokens_per_min", "streams", "bytes_per_day")


class ScopeName(enum.StrEnum):
    """As the gateway's Scope, which is not imported before a command needs it."""

    CHAT = "chat"
    TOOLS = "tools"
    ADMIN = "admin"


keys = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@keys.command("create", help=help_text("help.keys_create"))
@errors.guarded
def create(  # noqa: PLR0913 - one parameter for each flag
    *,
    name: Annotated[str, typer.Argument(help=help_text("help.key_name"), metavar="NAME")],
    scope: Annotated[list[ScopeName] | None, typer.Option("--scope", help=help_text("help.scope"))] = None,
    expires: Annotated[str | None, typer.Option("--expires", help=help_text("help.expires"))] = None,
    requests_per_min: Annotated[
        _Limit, typer.Option("--requests-per-min", min=1, help=help_text("help.requests_per_min"))
    ] = None,
    tokens_per_min: Annotated[
        _Limit, typer.Option("--tokens-per-min", min=1, help=help_text("help.tokens_per_min"))
    ] = None,
    streams: Annotated[_Limit, typer.Option("--streams", min=1, help=help_text("help.streams"))] = None,
    bytes_per_day: Annotated[
        _Limit, typer.Option("--bytes-per-day", min=1, help=help_text("help.bytes_per_day"))
    ] = None,
    priority: Annotated[
        int, typer.Option("--priority", min=-10, max=10, help=help_text("help.priority"))
    ] = 0,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    expires_in_s = None if expires is None else seconds_of(expires)
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.state.issue import issue_key

    database = open_database(settings)
    try:
        record, secret = issue_key(
            database,
            name=name.strip()[:100] or "-",
            scopes=sorted({chosen.value for chosen in scope or [ScopeName.CHAT]}),
            expires_unix_s=None if expires_in_s is None else int(time.time()) + expires_in_s,
            priority=priority,
            requests_per_min=requests_per_min,
            tokens_per_min=tokens_per_min,
            streams=streams,
            bytes_per_day=bytes_per_day,
        )
    finally:
        database.close()
    if as_json:
        typer.echo(json.dumps({"key": _shown(record), "secret": secret}, ensure_ascii=False))
        return errors.OK
    typer.echo(say("keys.created", language, id=record.id, name=record.name), err=True)
    # The secret alone on stdout: `KEY=$(huiyan keys create …)` works, and a pipe has nothing else in it.
    typer.echo(secret)
    typer.echo(say("keys.once", language), err=True)
    return errors.OK


@keys.command("list", help=help_text("help.keys_list"))
@errors.guarded
def list_keys(
    *,
    every: Annotated[bool, typer.Option("--all", help=help_text("help.show_revoked"))] = False,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    database = open_database(settings)
    try:
        records = database.snapshot().keys
    finally:
        database.close()
    now = time.time()
    chosen = [record for record in records if every or record.active(now)]
    if as_json:
        typer.echo(json.dumps({"keys": [_shown(record) for record in chosen]}, ensure_ascii=False))
    elif not chosen:
        typer.echo(say("keys.none", language))
    else:
        _print_table(chosen, language)
    return errors.OK


@keys.command("revoke", help=help_text("help.keys_revoke"))
@errors.guarded
def revoke(
    *,
    key_id: Annotated[str, typer.Argument(help=help_text("help.key_id"), metavar="ID")],
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    database = open_database(settings)
    try:
        database.revoke_key(key_id)
    finally:
        database.close()
    typer.echo(
        json.dumps({"revoked": key_id}, ensure_ascii=False)
        if as_json
        else say("keys.revoked", language, id=key_id)
    )
    return errors.OK


def _shown(record: KeyRecord) -> dict[str, Any]:
    """As JSON, without the digest."""
    shown = {name: getattr(record, name) for name in record.__struct_fields__ if name != "digest"}
    return shown | {"scopes": list(record.scopes), "state": record.state(time.time())}


def _print_table(records: list[KeyRecord], language: Language) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "name", "scopes", "limits", "created", "expires", "state"):
        table.add_column(say(f"keys.head.{column}", language))
    for record in records:
        limits = [
            say(f"keys.limit.{name}", language, n=f"{value:,}")
            for name in _LIMITS
            if (value := getattr(record, name)) is not None
        ]
        table.add_row(
            record.id,
            escape(record.name),
            " ".join(record.scopes),
            ", ".join(limits) or say("keys.no_limits", language),
            _date(record.created_unix_s),
            say("keys.never", language) if record.expires_unix_s is None else _date(record.expires_unix_s),
            say(f"keys.state.{record.state(time.time())}", language),
        )
    Console().print(table)


def _date(unix_s: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(unix_s))
