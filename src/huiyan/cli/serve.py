"""`huiyan serve`: the gateway and the page alone, with engines that somebody else runs."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.errors import SettingsError
from huiyan.messages import Text, refusal

if TYPE_CHECKING:
    from huiyan.engines.status import EngineEndpoint
    from huiyan.gateway.traffic_options import BackendOptions, TrafficOptions


@errors.guarded
def serve(  # noqa: PLR0913 - one parameter for each flag
    *,
    engine_url: Annotated[
        list[str] | None, typer.Option("--engine-url", help=help_text("help.engine_url"))
    ] = None,
    engine_key_file: Annotated[
        Path | None, typer.Option("--engine-key-file", help=help_text("help.engine_key_file"))
    ] = None,
    replicas_url: Annotated[
        str | None, typer.Option("--replicas-url", help=help_text("help.replicas_url"))
    ] = None,
    replicas_secret_file: Annotated[
        Path | None, typer.Option("--replicas-secret-file", help=help_text("help.replicas_secret_file"))
    ] = None,
    model: options.Model = None,
    context_tokens: Annotated[
        int, typer.Option("--context-tokens", min=256, help=help_text("help.context_tokens"))
    ] = 8192,
    port: options.Port = None,
    host: options.Host = None,
    workers: options.Workers = None,
    tls_cert: options.TlsCert = None,
    tls_key: options.TlsKey = None,
    tls_self_signed: options.TlsSelfSigned = False,
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
    )
    from huiyan import app, log
    from huiyan.engines.status import EngineState, EngineStatus, ModelCard
    from huiyan.launcher import addresses, ports
    from huiyan.launcher.display import JsonDisplay, PlainDisplay
    from huiyan.launcher.events import Event, Reporter
    from huiyan.launcher.exposure import open_to_others
    from huiyan.launcher.notify import Notifier
    from huiyan.settings.environment import service_manager

    urls = engine_url or []
    endpoint = _endpoint(urls[0], engine_key_file) if len(urls) == 1 else None
    traffic = _traffic(settings.gateway.traffic, urls, engine_key_file, replicas_url, replicas_secret_file)
    web = ports.listen(
        settings.gateway.host, settings.gateway.port, explicit=settings.explicit("gateway", "port")
    )
    log.configure("gateway", sys.stderr)
    shown = JsonDisplay(sys.stdout, language) if as_json else PlainDisplay(sys.stdout, language)
    reporter = Reporter(shown.show)
    if web.moved is not None:
        reporter.note(web.moved)
    gateway, certificate = open_to_others(settings, reporter, web.number)
    card = ModelCard(id=model or "default", name=model or "default", context_tokens=context_tokens)
    state = EngineState.STOPPED
    if endpoint is not None:
        state = EngineState.READY
    elif traffic.elsewhere:
        # Whether they are there shows at the first look.
        state = EngineState.STARTING
    url = addresses.page_url(gateway.host, web.number, certificate)
    engines = ", ".join(urls or [backend.url for backend in traffic.backends]) or traffic.replicas_url or "-"
    serving = Text("serve.serving", {"url": url, "engine": engines})
    reporter.send(Event(kind="serving", text=serving, url=url))
    notifier = Notifier(service_manager())

    async def run() -> None:
        with notifier.alive():
            await app.serve(
                gateway.model_copy(update={"traffic": traffic}),
                model=card,
                engine=EngineStatus(state=state, engine="remote", model=card.id),
                endpoint=endpoint,
                listener=web.socket,
                data_dir=settings.data_dir,
                on_serving=lambda: notifier.ready(serving.render("en")),
            )

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run())
    return errors.OK


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop is uvloop, as in the launcher's gateway; None (asyncio's own) where that is missing.

    Not for speed alone: asyncio leaves Nagle's algorithm on for sockets that were made without a protocol
    number, as an inherited listener's are, and each answer then waits 40 ms for the client's delayed ACK.
    """
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _traffic(
    settings: TrafficOptions,
    urls: list[str],
    key_file: Path | None,
    replicas_url: str | None,
    secret_file: Path | None,
) -> TrafficOptions:
    """The settings with what the flags say of engines in their place. Raises: SettingsError."""
    from pydantic import ValidationError

    from huiyan.gateway.traffic_options import TrafficOptions

    if urls and replicas_url is not None:
        raise refusal(SettingsError, "serve.two_lists")
    if not urls and replicas_url is None:
        return settings
    changed = {
        "backends": _backends(urls, key_file),
        "replicas_url": replicas_url,
        "replicas_secret_file": secret_file,
    }
    try:
        return TrafficOptions.model_validate({**settings.model_dump(), **changed})
    except ValidationError:
        raise refusal(SettingsError, "serve.replicas_url", url=replicas_url) from None


def _backends(urls: list[str], key_file: Path | None) -> tuple[BackendOptions, ...]:
    """Several engines that share the load; they have one key. One alone needs none of this.

    Raises: SettingsError.
    """
    from huiyan.gateway.traffic_options import BackendOptions
    from huiyan.launcher.addresses import bracketed

    if len(urls) < 2:
        return ()
    found: dict[str, BackendOptions] = {}
    for url in urls:
        endpoint = _endpoint(url, key_file)
        name = re.sub(r"[^A-Za-z0-9]+", "-", f"{endpoint.host}-{endpoint.port}").strip("-")[-63:].lstrip("-")
        if name in found:
            raise refusal(SettingsError, "serve.engine_twice", url=url)
        address = f"http://{bracketed(endpoint.host)}:{endpoint.port}"
        found[name] = BackendOptions.model_validate({"name": name, "url": address, "api_key_file": key_file})
    return tuple(found.values())


def _endpoint(url: str, key_file: Path | None) -> EngineEndpoint:
    """Raises: SettingsError."""
    from huiyan.engines.status import EngineEndpoint

    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError as error:
        raise refusal(SettingsError, "serve.engine_url", url=url) from error
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.username:
        raise refusal(SettingsError, "serve.engine_url", url=url)
    key = ""
    if key_file is not None:
        try:
            key = key_file.read_text("utf-8").partition("\n")[0].strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "no text"
            raise refusal(SettingsError, "settings.file", path=key_file, reason=reason) from error
    return EngineEndpoint(host=parts.hostname, port=port, api_key=key, dialect="openai")
