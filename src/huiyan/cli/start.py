"""`huiyan start`: everything, watched until Ctrl-C or `huiyan stop`."""

from __future__ import annotations

import asyncio
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.errors import SettingsError
from huiyan.messages import refusal

if TYPE_CHECKING:
    from huiyan.launcher.events import Event, Report
    from huiyan.launcher.prestart import Prestarted
    from huiyan.launcher.upgrade.guard import Takeover
    from huiyan.settings.model import Settings


@errors.guarded
def start(  # noqa: PLR0913 - one parameter for each flag
    *,
    ctx: typer.Context,
    port: options.Port = None,
    engine_port: Annotated[
        int | None, typer.Option("--engine-port", min=0, max=65535, help=help_text("help.engine_port"))
    ] = None,
    host: options.Host = None,
    workers: options.Workers = None,
    tls_cert: options.TlsCert = None,
    tls_key: options.TlsKey = None,
    tls_self_signed: options.TlsSelfSigned = False,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    engine: options.EngineOption = None,
    threads: options.Threads = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout-s", min=1, help=help_text("help.timeout_s"))
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help=help_text("help.no_browser"))] = False,
    detach: Annotated[bool, typer.Option("--detach", help=help_text("help.detach"))] = False,
    background: Annotated[bool, typer.Option("--background", hidden=True)] = False,
    takeover_fd: Annotated[int | None, typer.Option("--takeover-fd", hidden=True)] = None,
    rehearse_fd: Annotated[int | None, typer.Option("--rehearse-fd", hidden=True)] = None,
    rehearse_dir: Annotated[Path | None, typer.Option("--rehearse-dir", hidden=True)] = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
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
        engine={
            "port": engine_port,
            "model": model,
            "model_path": model_path,
            "engine": engine,
            "threads": threads,
        },
        launcher={"timeout_s": timeout_s, "open_browser": False if no_browser else None},
    )
    if settings.gateway.traffic.elsewhere:
        raise refusal(SettingsError, "serve.backends")
    if rehearse_fd is not None and rehearse_dir is not None:
        from huiyan.launcher.upgrade.rehearsal import perform

        return perform(settings, rehearse_dir, rehearse_fd, _launch_and_end)
    from huiyan.launcher import display

    with display.choose(sys.stdout, as_json=as_json, language=language) as shown:
        if detach and takeover_fd is None:
            from huiyan.launcher.detach import start_in_background

            return start_in_background(sys.argv[1:], shown.show)
        report: Report = shown.show
        if not as_json and not background and sys.stdout.isatty():
            report = _for_a_person(report, open_browser=settings.launcher.open_browser)
        given = {"takeover" if takeover_fd is not None else "prestarted": ctx.obj}
        return asyncio.run(_launch(settings, report, background=background, **given))


async def _launch(
    settings: Settings,
    report: Report,
    *,
    background: bool,
    prestarted: Prestarted | None = None,
    takeover: Takeover | None = None,
) -> int:
    from huiyan import __version__
    from huiyan.launcher.notify import Notifier
    from huiyan.launcher.orchestrate import Launcher, Outcome
    from huiyan.launcher.upgrade.handover import this_program
    from huiyan.settings.environment import child_environment, service_manager

    notifier = Notifier(service_manager())
    launcher = Launcher(
        settings,
        notifier.reporting(report),
        environment=child_environment(),
        prestarted=prestarted,
        background=background,
        takeover=takeover,
        program=this_program(__version__, sys.executable, sys.argv[1:]),
    )
    with notifier.alive():
        outcome = await launcher.run()
    return errors.OK if outcome is Outcome.STOPPED else errors.INTERRUPTED


def _launch_and_end(settings: Settings, report: Report) -> None:
    """A whole start that ends as soon as it is ready. Raises: HuiyanError."""
    from huiyan.launcher.orchestrate import Launcher
    from huiyan.settings.environment import child_environment

    async def launch() -> None:
        def until_ready(event: Event) -> None:
            report(event)
            if event.kind == "ready":
                launcher.request_stop()

        launcher = Launcher(settings, until_ready, environment=child_environment())
        await launcher.run()

    asyncio.run(launch())


def _for_a_person(report: Report, *, open_browser: bool) -> Report:
    """Say how to stop it, and open the page as soon as it is served."""
    from huiyan.launcher.events import Event
    from huiyan.messages import Text
    from huiyan.settings.environment import can_open_browser

    def tell(event: Event) -> None:
        report(event)
        if event.kind == "serving" and event.url is not None and open_browser and can_open_browser():
            # Some browsers keep their opener waiting.
            threading.Thread(target=webbrowser.open, args=(event.url,), daemon=True).start()
        if event.kind == "ready":
            report(Event(kind="note", text=Text("ready.stop", {})))

    return tell
