"""`huiyan status`: what runs, where, and how it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from huiyan.cli import errors, options
from huiyan.messages import Language, say

if TYPE_CHECKING:
    from huiyan.launcher.state import LauncherInfo, StatusReport
    from huiyan.updates.status import ComponentInfo


@errors.guarded
def status(
    *,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    import msgspec

    from huiyan.launcher import control
    from huiyan.launcher.state import DataDir

    info = control.running(DataDir(settings.data_dir))
    report = control.status(info)
    components = _components(info)
    if as_json:
        shown = msgspec.to_builtins(report) | {"components": msgspec.to_builtins(components)}
        typer.echo(msgspec.json.encode(shown).decode())
        return errors.OK
    for line in lines(report, language):
        typer.echo(line)
    if components:
        versions = ", ".join(f"{each.name} {each.version}" for each in components if each.version)
        typer.echo(say("status.components", language, components=versions))
    return errors.OK


def _components(info: LauncherInfo) -> list[ComponentInfo]:
    """With their versions; none while it is still starting."""
    import msgspec

    from huiyan.launcher import control
    from huiyan.updates.status import UpdatesReport

    answer = control.ask(info, "updates", timeout_s=30.0, look=False)
    try:
        return msgspec.json.decode(answer, type=UpdatesReport).components
    except msgspec.ValidationError:
        return []


def lines(report: StatusReport, language: Language) -> list[str]:
    """The report in sentences."""
    model = say("status.model", language, name=report.model.name, context=report.model.context_tokens)
    if report.model.wanted is not None:
        key = "status.planned" if report.model.planned else "status.wanted"
        model += say(key, language, wanted=report.model.wanted)
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(report.started_unix_s))
    found = [
        say("status.url", language, url=report.url),
        model,
        _part("engine", report.engine.state.value, report.engine_pid, report.engine.restarts, language),
    ]
    if report.engine.detail:
        found.append(f"  {report.engine.detail}")
    gateway = report.gateway
    found.append(_part("gateway", gateway.state, gateway.pid, gateway.restarts, language))
    if gateway.detail:
        found.append(f"  {gateway.detail}")
    found += [
        say("status.since", language, when=since, pid=report.pid),
        say("status.data_dir", language, path=report.data_dir),
    ]
    return found


def _part(part: str, state: str, pid: int | None, restarts: int, language: Language) -> str:
    return say(
        "status.part",
        language,
        part=say(f"part.{part}", language),
        state=say(f"state.{state}", language),
        pid=pid if pid is not None else "-",
        restarts=restarts,
    )
