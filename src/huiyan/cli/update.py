"""`huiyan update`: a part of the system replaced while people work, or put back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.messages import Language, of_error, refusal, say

if TYPE_CHECKING:
    from huiyan.cli.updater import Updater
    from huiyan.updates.status import UpdateStatus


@errors.guarded
def update(  # noqa: PLR0913 - one parameter for each flag
    *,
    component: Annotated[
        str | None, typer.Option("--component", help=help_text("help.update.component"))
    ] = None,
    feed: Annotated[str | None, typer.Option("--feed", help=help_text("help.update.feed"))] = None,
    version: Annotated[str | None, typer.Option("--version", help=help_text("help.update.version"))] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=help_text("help.update.yes"))] = False,
    check: Annotated[bool, typer.Option("--check", help=help_text("help.update.check"))] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help=help_text("help.update.rollback"))] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help=help_text("help.update.cancel"))] = False,
    full: Annotated[bool, typer.Option("--full", help=help_text("help.update_full"))] = False,
    wheel: Annotated[Path | None, typer.Option("--wheel", help=help_text("help.update_wheel"))] = None,
    requirements: Annotated[
        Path | None, typer.Option("--requirements", help=help_text("help.update_requirements"))
    ] = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    from huiyan.cli import full_update, update_text
    from huiyan.cli.updater import updater
    from huiyan.errors import SettingsError, UpToDateError
    from huiyan.updates.versions import NAME

    if rollback and component == NAME:
        return full_update.roll_back(settings, language, accept_loss=yes, as_json=as_json)
    if wheel is not None:
        return full_update.upgrade(settings, language, wheel=wheel, lock=requirements, as_json=as_json)
    if full:
        component = NAME
    with updater(settings) as doer:
        if cancel:
            doer.cancel()
            typer.echo(json.dumps({"cancelled": True}) if as_json else say("update.cancel_sent", language))
            return errors.OK
        if check:
            update_text.show_report(doer.report(feed), language, as_json=as_json)
            return errors.OK
        if rollback:
            return _roll_back(doer, component, language, yes=yes, as_json=as_json)
        if component is None:
            raise refusal(SettingsError, "update.needs_component")
        try:
            plan = doer.plan(component, feed, version)
        except UpToDateError as error:
            if as_json:
                typer.echo(json.dumps({"event": "done", "component": component, "changed": False}))
            else:
                typer.echo(of_error(error, language)[0])
            return errors.OK
        update_text.show_plan(plan, language, as_json=as_json)
        if not _agreed(language, yes=yes, as_json=as_json):
            return errors.OK
        with update_text.progress(language, as_json=as_json) as tell:
            status = doer.update(component, feed, version, tell)
    return _ended(status, language, running=doer.running, as_json=as_json)


def _roll_back(doer: Updater, component: str | None, language: Language, *, yes: bool, as_json: bool) -> int:
    from huiyan.cli import update_text
    from huiyan.errors import NoRollbackError

    report = doer.report(None, look=False)
    if component is None:
        component = next((each.component for each in report.history if each.step == "committed"), "")
    info = next((each for each in report.components if each.name == component), None)
    if info is not None and info.can_roll_back_to is None:
        raise refusal(NoRollbackError, "update.no_rollback", name=component)
    if info is not None and not as_json:
        words = {"name": component, "installed": info.version, "version": info.can_roll_back_to}
        typer.echo(say("update.back", language, **words))
    if not _agreed(language, yes=yes, as_json=as_json):
        return errors.OK
    with update_text.progress(language, as_json=as_json) as tell:
        status = doer.roll_back(component, tell)
    return _ended(status, language, running=doer.running, as_json=as_json)


def _agreed(language: Language, *, yes: bool, as_json: bool) -> bool:
    """Raises: SettingsError where there is nobody to ask."""
    from huiyan.errors import SettingsError

    if yes:
        return True
    if as_json or not sys.stdin.isatty():
        raise refusal(SettingsError, "update.needs_yes")
    if typer.confirm(say("update.ask", language), default=True):
        return True
    typer.echo(say("update.declined", language))
    return False


def _ended(status: UpdateStatus, language: Language, *, running: bool, as_json: bool) -> int:
    from huiyan.cli import update_text
    from huiyan.errors import UpdateError
    from huiyan.launcher.remote_errors import rebuild

    if as_json:
        update_text.json_status(status)
    if status.error is not None:
        error = rebuild(
            {
                "code": status.error.code,
                "message": status.error.message,
                "hint": status.error.hint,
                "message_zh": status.error.message_zh,
                "hint_zh": status.error.hint_zh,
            },
            otherwise=UpdateError,
        )
        if not as_json:
            errors.show(error, language=language, as_json=False)
        return errors.exit_code(error)
    if status.state == "cancelled":
        if not as_json:
            typer.echo(say("update.cancelled", language, name=status.component), err=True)
        return errors.INTERRUPTED
    if not as_json:
        typer.echo(update_text.done(status, language, running=running))
    return errors.OK
