"""The commands, put together. Help texts follow the system's language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huiyan.cli import (
    ask,
    backup,
    deploy,
    doctor,
    engines,
    keys,
    logs,
    plan,
    release,
    serve,
    service,
    start,
    status,
    stop,
    tools,
    uninstall,
    update,
    usage,
    usage_errors,
)
from huiyan.cli.bench import command as bench
from huiyan.cli.cluster import cluster
from huiyan.cli.errors import INTERRUPTED
from huiyan.cli.models import models
from huiyan.cli.options import help_text, language_of
from huiyan.messages import say

if TYPE_CHECKING:
    from huiyan.launcher.prestart import Prestarted
    from huiyan.launcher.upgrade.guard import Takeover

app = typer.Typer(
    name="huiyan",
    help=help_text("help.huiyan"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from huiyan import __version__

        typer.echo(f"huiyan {__version__}")
        raise typer.Exit


@app.callback()
def huiyan(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help=help_text("help.version"))
    ] = False,
) -> None:
    """Options that stand before the command."""


for name, command in (
    ("start", start.start),
    ("stop", stop.stop),
    ("status", status.status),
    ("logs", logs.logs),
    ("doctor", doctor.doctor),
    ("plan", plan.plan),
    ("ask", ask.ask),
    ("serve", serve.serve),
    ("usage", usage.usage),
    ("update", update.update),
    ("backup", backup.backup),
    ("restore", backup.restore),
    ("bench", bench.bench),
    ("uninstall", uninstall.uninstall),
):
    app.command(name, help=help_text(f"help.{name}"))(command)

app.add_typer(keys.keys, name="keys", help=help_text("help.keys"))
app.add_typer(release.release, name="release", help=help_text("help.release"))
app.add_typer(models, name="models", help=help_text("help.models"))
app.add_typer(tools.tools, name="tools", help=help_text("help.tools"))
app.add_typer(deploy.deploy, name="deploy", help=help_text("help.deploy"))
app.add_typer(service.service, name="service", help=help_text("help.service"))
app.add_typer(cluster, name="cluster", help=help_text("help.cluster"))
app.add_typer(engines.engines, name="engines", help=help_text("help.engines"))


def run(arguments: Sequence[str], given: Prestarted | Takeover | None = None) -> int:
    """Run one command line and return its exit code.

    given: for `start`, a gateway process, or what another version left running.
    """
    try:
        result: Any = app(list(arguments), prog_name="huiyan", standalone_mode=False, obj=given)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (typer.Abort, KeyboardInterrupt):
        # Ctrl-C while a command line is read, or at a question: nothing was done.
        typer.echo(say("interrupted", language_of(usage_errors.language_said(arguments))), err=True)
        return INTERRUPTED
    except Exception as error:
        if not usage_errors.is_usage_error(error):
            raise
        language = language_of(usage_errors.language_said(arguments))
        return usage_errors.show(error, language=language, arguments=arguments)
    return result if isinstance(result, int) else 0
