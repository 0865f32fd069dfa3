"""`huiyan service install | uninstall | status`: huiyan as a service of systemd."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.messages import refusal, say

if TYPE_CHECKING:
    from huiyan.deploy.systemd import Systemd

service = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

_System = Annotated[bool | None, typer.Option("--system/--user", help=help_text("help.service_system"))]
_OnlyFiles = Annotated[bool, typer.Option("--only-files", help=help_text("help.service_only_files"))]
_UnitDirectory = Annotated[
    Path | None, typer.Option("--unit-dir", help=help_text("help.service_unit_dir"), hidden=True)
]


@service.command("install", help=help_text("help.service_install"))
@errors.guarded
def install(  # noqa: PLR0913 - one parameter for each flag
    *,
    system: _System = None,
    only_files: _OnlyFiles = False,
    show: Annotated[bool, typer.Option("--print", help=help_text("help.service_print"))] = False,
    gateway_only: Annotated[
        bool, typer.Option("--gateway-only", help=help_text("help.service_gateway_only"))
    ] = False,
    host: options.Host = None,
    port: options.Port = None,
    workers: options.Workers = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    engine: options.EngineOption = None,
    admin_key_file: Annotated[
        Path | None, typer.Option("--admin-key-file", help=help_text("help.service_admin_key"))
    ] = None,
    tls_cert: options.TlsCert = None,
    tls_key: options.TlsKey = None,
    tls_self_signed: options.TlsSelfSigned = False,
    unit_dir: _UnitDirectory = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    for_system = _for_system(system)
    settings, language = options.load_settings(
        data_dir=data_dir,
        config=config,
        lang=lang,
        gateway=options.gateway_flags(
            host=host,
            port=port,
            workers=workers,
            tls_cert=tls_cert,
            tls_key=tls_key,
            tls_self_signed=tls_self_signed,
        ),
        engine={"model": model, "model_path": model_path, "engine": engine},
    )
    from huiyan.cli import service_plan
    from huiyan.deploy import unit

    wanted = service_plan.plan(
        settings,
        service_plan.Wish(
            system=for_system,
            gateway_only=gateway_only,
            data_dir=data_dir,
            config=config,
            admin_key_file=admin_key_file,
            python=Path(sys.executable),
        ),
    )
    if show:
        typer.echo(unit.render(wanted), nl=False)
        return errors.OK
    systemd = _systemd(for_system, unit_dir, only_files=only_files)
    changed = systemd.install(wanted, start=not only_files)
    if as_json:
        typer.echo(json.dumps({"path": str(systemd.path), "changed": changed, "started": not only_files}))
        return errors.OK
    typer.echo(say("service.written" if changed else "service.unchanged", language, path=systemd.path))
    if only_files:
        typer.echo(say("service.only_files", language, command=_systemctl(for_system)))
    else:
        typer.echo(say("service.started", language))
        if not for_system:
            typer.echo(say("service.linger", language))
    return errors.OK


@service.command("uninstall", help=help_text("help.service_uninstall"))
@errors.guarded
def uninstall(
    *,
    system: _System = None,
    only_files: _OnlyFiles = False,
    unit_dir: _UnitDirectory = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    language = options.language_of(lang)
    systemd = _systemd(_for_system(system), unit_dir, only_files=only_files)
    removed = systemd.uninstall(stop=not only_files)
    if as_json:
        typer.echo(json.dumps({"path": str(systemd.path), "removed": removed}))
    else:
        typer.echo(say("service.removed" if removed else "service.none", language, path=systemd.path))
    return errors.OK


@service.command("status", help=help_text("help.service_status"))
@errors.guarded
def status(
    *,
    system: _System = None,
    unit_dir: _UnitDirectory = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    """Exit code 0 while it runs or is on its way, 3 where there is no unit or it is down."""
    import msgspec

    language = options.language_of(lang)
    found = _systemd(_for_system(system), unit_dir, only_files=False).status()
    runs = found.active in ("active", "activating", "reloading")
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found), ensure_ascii=False))
    elif found.owner == "nobody" and found.load != "loaded":
        typer.echo(say("service.none", language, path=found.path))
    else:
        typer.echo(say("service.status", language, **msgspec.to_builtins(found)))
        if found.text:
            typer.echo(f"  {found.text}")
    return errors.OK if runs else errors.REFUSED


def _for_system(system: bool | None) -> bool:
    return os.geteuid() == 0 if system is None else system


def _systemctl(for_system: bool) -> str:
    words = "systemctl" if for_system else "systemctl --user"
    return f"{words} daemon-reload && {words} enable --now huiyan"


def _systemd(for_system: bool, unit_dir: Path | None, *, only_files: bool) -> Systemd:
    """Raises: ServiceManagerError where no systemd runs that could be asked."""
    from huiyan.deploy import systemd
    from huiyan.errors import ServiceManagerError
    from huiyan.settings import environment

    directory = unit_dir or (
        systemd.SYSTEM_DIRECTORY if for_system else environment.config_home() / "systemd" / "user"
    )
    if not only_files and not systemd.BOOTED.is_dir():
        raise refusal(ServiceManagerError, "service.no_systemd")
    return systemd.Systemd(
        system=for_system, directory=directory, run=systemd.run_command(environment.manager_environment())
    )
