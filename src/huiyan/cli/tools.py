"""`huiyan tools add | list | remove | update | logs`: works on files; a running host notices at once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.messages import Language, say

if TYPE_CHECKING:
    from huiyan.tools.catalogue import Isolation
    from huiyan.tools.records import Installed, Source

_ENFORCED = ("network", "memory", "hidden", "contained")

tools = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

_Name = Annotated[str, typer.Argument(help=help_text("help.tool_name"), metavar="NAME")]
_Network = Annotated[
    bool | None, typer.Option("--allow-network/--no-network", help=help_text("help.tool_network"))
]
_Build = Annotated[bool, typer.Option("--build", help=help_text("help.tool_build"))]


@tools.command("add", help=help_text("help.tools_add"))
@errors.guarded
def add(
    *,
    source: Annotated[str, typer.Argument(help=help_text("help.tool_source"), metavar="SOURCE")],
    name: Annotated[str | None, typer.Option("--name", help=help_text("help.tool_new_name"))] = None,
    network: _Network = None,
    build: _Build = False,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.tools.sources import parse

    _install(
        settings.data_dir, parse(source), language, name=name, network=network, build=build, as_json=as_json
    )
    return errors.OK


@tools.command("update", help=help_text("help.tools_update"))
@errors.guarded
def update(
    *,
    name: _Name,
    network: _Network = None,
    build: _Build = False,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.tools.install import find

    source = find(settings.data_dir, name).record.source
    _install(settings.data_dir, source, language, name=name, network=network, build=build, as_json=as_json)
    return errors.OK


@tools.command("list", help=help_text("help.tools_list"))
@errors.guarded
def list_tools(
    *,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.tools.places import tools_directory
    from huiyan.tools.records import installed

    found = list(installed(tools_directory(settings.data_dir)))
    if as_json:
        typer.echo(json.dumps({"tools": [_shown(each) for each in found]}, ensure_ascii=False))
    elif not found:
        typer.echo(say("tools.none", language))
    else:
        _print_table(found, language)
    return errors.OK


@tools.command("remove", help=help_text("help.tools_remove"))
@errors.guarded
def remove(
    *,
    name: _Name,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.tools import install

    install.remove(settings.data_dir, name)
    typer.echo(json.dumps({"removed": name}) if as_json else say("tools.removed", language, name=name))
    return errors.OK


@tools.command("logs", help=help_text("help.tools_logs"))
@errors.guarded
def logs(
    *,
    name: _Name,
    lines: Annotated[
        int, typer.Option("--lines", min=1, max=10_000, help=help_text("help.tool_lines"))
    ] = 100,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.tools.install import find
    from huiyan.tools.tool_log import ToolLog

    tail = ToolLog(find(settings.data_dir, name).log).tail(lines)
    if as_json:
        typer.echo(json.dumps({"name": name, "lines": tail}, ensure_ascii=False))
    else:
        typer.echo("\n".join(tail) or say("tools.no_log", language, name=name))
    return errors.OK


def _install(
    data_dir: Path,
    source: Source,
    language: Language,
    *,
    name: str | None,
    network: bool | None,
    build: bool,
    as_json: bool,
) -> None:
    from huiyan.settings.environment import installer_environment
    from huiyan.tools.install import install

    def on_step(step: str) -> None:
        if not as_json:
            typer.echo(say(f"tools.step.{step}", language), err=True)

    found = asyncio.run(
        install(
            data_dir,
            source,
            environment=installer_environment(),
            name=name,
            allow_network=network,
            allow_build=build,
            on_step=on_step,
            on_line=(lambda _: None) if as_json else (lambda line: typer.echo(f"  {line}", err=True)),
        )
    )
    if as_json:
        typer.echo(json.dumps(_shown(found), ensure_ascii=False))
        return
    record = found.record
    offered = ", ".join(tool.name for tool in record.tools)
    typer.echo(say("tools.added", language, name=record.name, version=record.version, tools=offered))
    if record.url:
        typer.echo(say("tools.elsewhere", language, name=record.name, url=record.url), err=True)
    elif missing := _missing(record.isolation, network=found.network):
        what = ", ".join(say(f"tools.confined.{each}", language) for each in missing)
        typer.echo(say("tools.not_enforced", language, what=what), err=True)
    if record.manifest.network and not found.grants.network and not record.url:
        typer.echo(say("tools.wants_network", language, name=record.name), err=True)


def _missing(isolation: Isolation, *, network: bool) -> list[str]:
    """What this machine does not enforce. network: granted, so that its absence is none of that."""
    return [
        each for each in _ENFORCED if not getattr(isolation, each) and not (each == "network" and network)
    ]


def _shown(found: Installed) -> dict[str, Any]:
    import msgspec

    record = found.record
    return {
        "name": record.name,
        "version": record.version,
        "source": msgspec.to_builtins(record.source),
        "tools": [tool.name for tool in record.tools],
        "network": {"asked": record.manifest.network, "granted": found.grants.network},
        "limits": msgspec.to_builtins(record.manifest.limits),
        "isolation": msgspec.to_builtins(record.isolation),
        "installed_unix_s": record.installed_unix_s,
    }


def _print_table(found: list[Installed], language: Language) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "version", "tools", "network", "confined"):
        table.add_column(say(f"tools.head.{column}", language))
    for each in found:
        record = each.record
        missing = _missing(record.isolation, network=each.network)
        confined = [
            say(f"tools.confined.{name}", language) for name in _ENFORCED if getattr(record.isolation, name)
        ]
        table.add_row(
            escape(record.name),
            escape(record.version),
            escape(", ".join(tool.name for tool in record.tools)),
            say(
                "tools.yes"
                if each.network or record.url
                else "tools.open"
                if "network" in missing
                else "tools.no",
                language,
            ),
            ", ".join(confined) or say("tools.open", language),
        )
    Console().print(table)
