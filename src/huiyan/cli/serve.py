"""`huiyan serve`: the gateway and the page alone, with an engine that somebody else runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.errors import SettingsError
from huiyan.messages import refusal, say

if TYPE_CHECKING:
    from huiyan.engines.status import EngineEndpoint


@errors.guarded
def serve(  # noqa: PLR0913 - one parameter for each flag
    *,
    engine_url: Annotated[str | None, typer.Option("--engine-url", help=help_text("help.engine_url"))] = None,
    engine_key_file: Annotated[
        Path | None, typer.Option("--engine-key-file", help=help_text("help.engine_key_file"))
    ] = None,
    model: options.Model = None,
    context_tokens: Annotated[
        int, typer.Option("--context-tokens", min=256, help=help_text("help.context_tokens"))
    ] = 8192,
    port: options.Port = None,
    host: options.Host = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(
        data_dir=data_dir, config=config, lang=lang, gateway={"port": port, "host": host}
    )
    from huiyan import app, log
    from huiyan.engines.status import EngineState, EngineStatus, ModelCard
    from huiyan.launcher import ports

    endpoint = _endpoint(engine_url, engine_key_file)
    web = ports.listen(
        settings.gateway.host, settings.gateway.port, explicit=settings.explicit("gateway", "port")
    )
    log.configure("gateway", sys.stderr)
    if web.moved is not None and not as_json:
        typer.echo(web.moved.render(language))
    card = ModelCard(id=model or "default", name=model or "default", context_tokens=context_tokens)
    status = EngineStatus(
        state=EngineState.READY if endpoint is not None else EngineState.STOPPED,
        engine="remote",
        model=card.id,
    )
    shown = f"[{settings.gateway.host}]" if ":" in settings.gateway.host else settings.gateway.host
    url = f"http://{shown}:{web.number}"
    if as_json:
        typer.echo(f'{{"event": "serving", "url": "{url}"}}')
    else:
        typer.echo(say("serve.serving", language, url=url, engine=engine_url or "-"))
    gateway = settings.gateway.model_copy(update={"port": web.number})
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(
            app.serve(
                gateway,
                model=card,
                engine=status,
                endpoint=endpoint,
                listener=web.socket,
                data_dir=settings.data_dir,
            )
        )
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


def _endpoint(url: str | None, key_file: Path | None) -> EngineEndpoint | None:
    """Raises: SettingsError."""
    from huiyan.engines.status import EngineEndpoint

    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None or parts.path.strip("/") or parts.username:
        raise refusal(SettingsError, "serve.engine_url", url=url)
    key = ""
    if key_file is not None:
        try:
            key = key_file.read_text().strip()
        except OSError as error:
            raise refusal(SettingsError, "settings.file", path=key_file, reason=error.strerror) from error
    return EngineEndpoint(host=parts.hostname, port=parts.port or 80, api_key=key, dialect="openai")
