"""`huiyan ask IMAGE… "question"`: one question, answered on the terminal."""

from __future__ import annotations

import asyncio
import base64
import json
import shlex
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.errors import EmptyPromptError, NotFoundError, PayloadTooLargeError, RequestError
from huiyan.messages import Language, refusal, say

if TYPE_CHECKING:
    from huiyan.engines.status import ModelCard
    from huiyan.settings.model import Settings

_POLL_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Target:
    """Who answers. certificate: PEM file that it serves; None: no TLS."""

    host: str
    port: int
    card: ModelCard
    api_key: str
    certificate: Path | None = None


@errors.guarded
def ask(  # noqa: PLR0913 - one parameter for each flag
    *,
    words: Annotated[list[str], typer.Argument(help=help_text("help.words"), metavar="[IMAGE]… QUESTION")],
    model: options.Model = None,
    model_path: options.ModelPath = None,
    threads: options.Threads = None,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help=help_text("help.max_tokens"))] = 1024,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    *names, question = words
    if not question.strip():
        raise refusal(EmptyPromptError, "ask.empty")
    settings, language = options.load_settings(
        data_dir=data_dir,
        config=config,
        lang=lang,
        engine={"model": model, "model_path": model_path, "threads": threads},
    )
    pictures = [_data_url(Path(name), settings) for name in names]
    content: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
    content.append({"type": "text", "text": question})
    body = {"messages": [{"role": "user", "content": content}], "max_tokens": max_tokens}
    asyncio.run(_answer(settings, language, body, pictures=len(pictures), as_json=as_json))
    return errors.OK


async def _answer(
    settings: Settings, language: Language, body: dict[str, Any], *, pictures: int, as_json: bool
) -> None:
    from huiyan.cli.chat_client import Answer, stream_chat

    started = time.monotonic()
    async with AsyncExitStack() as resources:
        target = await _target(settings, language, resources, as_json=as_json)
        if pictures > target.card.max_images:
            raise refusal(PayloadTooLargeError, "ask.too_many", limit=target.card.max_images, count=pictures)
        answer = Answer()
        stream = stream_chat(
            target.host,
            target.port,
            {**body, "model": target.card.id},
            answer,
            api_key=target.api_key,
            certificate=target.certificate,
            timeout_s=settings.gateway.engine_idle_timeout_s,
        )
        await asyncio.to_thread(_print_stream, stream, as_json=as_json)
    if as_json:
        took_s = round(time.monotonic() - started, 3)
        found = {
            "answer": answer.text,
            "model": target.card.id,
            "demo": target.card.demo,
            "finish_reason": answer.finish_reason,
            "usage": answer.usage,
            "took_s": took_s,
        }
        typer.echo(json.dumps(found, ensure_ascii=False))
    elif target.card.demo:
        typer.echo(say("ask.demo", language), err=True)


def _print_stream(stream: Iterator[str], *, as_json: bool) -> None:
    """Print pieces as they come."""
    for piece in stream:
        if not as_json:
            typer.echo(piece, nl=False)
    if not as_json:
        typer.echo()


async def _target(
    settings: Settings, language: Language, resources: AsyncExitStack, *, as_json: bool
) -> Target:
    """The gateway that runs, or an engine that lives until `resources` are closed."""
    from huiyan.launcher import control
    from huiyan.launcher.lock import is_held
    from huiyan.launcher.state import DataDir

    place = DataDir(settings.data_dir)
    if is_held(place):
        return await asyncio.to_thread(_running_gateway, control.running(place), settings)
    from huiyan.launcher.oneshot import single_engine
    from huiyan.settings.environment import child_environment

    if not as_json:
        typer.echo(say("ask.starting", language), err=True)
    engine = await resources.enter_async_context(single_engine(settings, child_environment()))
    endpoint = engine.endpoint
    return Target(host=endpoint.host, port=endpoint.port, card=engine.card, api_key=endpoint.api_key)


def _running_gateway(info: Any, settings: Settings) -> Target:
    """Wait until it is ready: a question asked during the start need not fail."""
    from huiyan.launcher import control

    deadline = time.monotonic() + settings.engine.load_timeout_s
    while not (report := control.status(info)).ready and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return Target(
        host=report.address,
        port=report.web_port,
        card=report.model,
        api_key=control.own_key(info),
        certificate=None if report.certificate is None else Path(report.certificate),
    )


def _data_url(path: Path, settings: Settings) -> str:
    """The picture as the API takes it, decoded and turned upright. Raises: RequestError and its kinds."""
    from huiyan.gateway.pictures.intake import prepare_image
    from huiyan.gateway.pictures.limits import ImageLimits

    try:
        data = path.expanduser().read_bytes()
    except FileNotFoundError:
        raise refusal(NotFoundError, "ask.no_file", path=path) from None
    except OSError as error:
        quoted = shlex.quote(str(path))
        raise refusal(
            RequestError, "ask.unreadable", path=path, reason=error.strerror, quoted=quoted
        ) from error
    limits = ImageLimits(
        max_bytes=settings.gateway.max_image_bytes, max_pixels=settings.gateway.max_image_pixels
    )
    picture = prepare_image(data, limits, label=path.name)
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"
