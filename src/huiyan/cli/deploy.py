"""`huiyan deploy k8s`: values for Kubernetes from a plan, and the gateway's chart."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli import plan as planning
from huiyan.cli.options import help_text
from huiyan.errors import MachineCheckError, SettingsError
from huiyan.messages import refusal, say

if TYPE_CHECKING:
    from huiyan.deploy.engine_values import EnginePlan
    from huiyan.hardware.plan.make import Plan

deploy = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

#: RFC 1123, and short enough for what charts add.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_UrlFile = Path | None


@deploy.callback()
def _group() -> None:
    """Keeps `k8s` a command of its own beside those to come."""


@deploy.command("k8s", help=help_text("help.deploy_k8s"))
@errors.guarded
def k8s(  # noqa: PLR0913 - one parameter for each flag
    *,
    out: Annotated[Path, typer.Option("--out", help=help_text("help.deploy_out"))],
    gpu: planning.Card = None,
    profile: planning.Profile = "auto",
    users: planning.Users = None,
    images: planning.Images = None,
    image_size: planning.ImageSize = None,
    context: planning.Context = None,
    model: planning.PlanModel = None,
    hub_id: Annotated[str | None, typer.Option("--hub-id", help=help_text("help.deploy_hub_id"))] = None,
    replicas: Annotated[
        int, typer.Option("--replicas", min=1, max=64, help=help_text("help.deploy_replicas"))
    ] = 1,
    image: Annotated[str | None, typer.Option("--image", help=help_text("help.deploy_image"))] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", help=help_text("help.deploy_namespace"))
    ] = "huiyan",
    database_url_file: Annotated[
        _UrlFile, typer.Option("--database-url-file", help=help_text("help.deploy_database"))
    ] = None,
    limits_url_file: Annotated[
        _UrlFile, typer.Option("--limits-url-file", help=help_text("help.deploy_limits"))
    ] = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    from huiyan import __version__
    from huiyan.cli import deploy_files
    from huiyan.hardware.probe import probe

    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    chosen_image = image or f"huiyan:{__version__}"
    if _NAME.fullmatch(namespace) is None:
        raise refusal(SettingsError, "deploy.namespace", name=namespace)
    if _IMAGE.fullmatch(chosen_image) is None:
        raise refusal(SettingsError, "deploy.image", name=chosen_image)
    if (database_url_file is None) != (limits_url_file is None):
        raise refusal(SettingsError, "deploy.both_urls")
    asked = planning.Asked(profile, users, images, image_size, context, model, gpu)
    found = planning.plan_of(settings, probe(data_dir=settings.data_dir), asked)
    target = deploy_files.Target(
        folder=out.expanduser().absolute(),
        plan=_engine_plan(found, hub_id, replicas),
        image=chosen_image,
        database_url=_address(database_url_file, settings_name="database_url"),
        limits_url=_address(limits_url_file, settings_name="limits_url"),
    )
    written = deploy_files.write(target, random_key=lambda: secrets.token_hex(24).encode())
    commands = deploy_files.commands(target, namespace=namespace)
    if as_json:
        shown = {"folder": str(target.folder), "model": target.plan.model_id, "replicas": replicas}
        typer.echo(json.dumps({**shown, "written": written, "commands": commands}, ensure_ascii=False))
        return errors.OK
    flags = target.plan.flags
    typer.echo(
        say(
            "deploy.written",
            language,
            folder=target.folder,
            model=target.plan.model_id,
            context=flags.max_model_len,
            replicas=replicas,
        )
    )
    if target.database_url is None:
        typer.echo(say("deploy.one_gateway", language))
    typer.echo(say("deploy.next", language))
    for line in commands:
        typer.echo(f"  {line}")
    return errors.OK


def _engine_plan(found: Plan, hub_id: str | None, replicas: int) -> EnginePlan:
    """Raises: MachineCheckError where no card that was planned for serves a model, SettingsError."""
    from huiyan.deploy.engine_values import EnginePlan
    from huiyan.engines.install import RECIPES
    from huiyan.store.catalogue import catalogue, exact_id

    if found.chosen is None:
        raise refusal(MachineCheckError, "deploy.no_card")
    chosen = found.chosen
    # The planner names weights by method and width, the catalogue by method.
    precision = chosen.quantization.partition("-")[0]
    known = [
        entry.id
        for entry in catalogue()
        if entry.engine == "vllm"
        and entry.tuning == "instruct"
        and (entry.parameters, entry.precision) == (chosen.model, precision)
    ]
    model_id = exact_id(hub_id) if hub_id is not None else next(iter(known), None)
    if model_id is None:
        raise refusal(SettingsError, "deploy.no_id", model=chosen.model, weights=chosen.quantization)
    if re.fullmatch(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+", model_id) is None:
        raise refusal(SettingsError, "deploy.hub_id", name=model_id)
    return EnginePlan(
        model_id=model_id,
        weights_bytes=chosen.prediction.weights_bytes,
        flags=chosen.flags,
        image_tag=f"v{next(each.version for each in RECIPES if each.measured)}",
        replicas=replicas,
    )


def _address(path: Path | None, *, settings_name: str) -> str | None:
    """The first line of a file: an address with a password has no place on a command line.

    Raises: SettingsError.
    """
    if path is None:
        return None
    from pydantic import SecretStr, ValidationError

    from huiyan.gateway.access.options import AccessOptions

    try:
        text = path.read_text("utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise refusal(SettingsError, "settings.file", path=path, reason=reason) from None
    try:
        AccessOptions.model_validate({settings_name: SecretStr(text)})
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise refusal(SettingsError, "settings.file", path=path, reason=reason) from None
    return text
