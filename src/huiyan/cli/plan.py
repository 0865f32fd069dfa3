"""`huiyan plan`: what this machine, or another card, can run, and the flags for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.errors import MachineCheckError
from huiyan.messages import refusal

if TYPE_CHECKING:
    from huiyan.hardware.plan.cpu import GgufFile
    from huiyan.hardware.plan.make import Plan
    from huiyan.hardware.probe import Machine
    from huiyan.settings.model import Settings

Profile = Annotated[str, typer.Option("--profile", help=help_text("help.profile"))]
Users = Annotated[int | None, typer.Option("--users", min=1, max=1024, help=help_text("help.users"))]
Images = Annotated[int | None, typer.Option("--images", min=0, max=9, help=help_text("help.images"))]
ImageSize = Annotated[str | None, typer.Option("--image-size", help=help_text("help.image_size"))]
Context = Annotated[
    int | None, typer.Option("--context", min=256, max=1_048_576, help=help_text("help.context"))
]
PlanModel = Annotated[str | None, typer.Option("--model", help=help_text("help.plan_model"))]
Card = Annotated[str | None, typer.Option("--gpu", help=help_text("help.gpu"))]


@errors.guarded
def plan(  # noqa: PLR0913  # one for each option
    *,
    profile: Profile = "auto",
    users: Users = None,
    images: Images = None,
    image_size: ImageSize = None,
    context: Context = None,
    model: PlanModel = None,
    gpu: Card = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    from huiyan.cli.plan_text import lines
    from huiyan.hardware.probe import probe

    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    machine = probe(data_dir=settings.data_dir)
    asked = Asked(profile, users, images, image_size, context, model, gpu)
    found = plan_of(settings, machine, asked)
    if as_json:
        from huiyan.cli.plan_json import to_json

        typer.echo(json.dumps(to_json(found, machine, language), ensure_ascii=False))
    else:
        for line in lines(found, machine, language):
            typer.echo(line)
    if not _serves(found):
        raise refusal(MachineCheckError, "plan.nothing")
    return errors.OK


class Asked(NamedTuple):
    """The options that a plan is made from, as they were typed."""

    profile: str
    users: int | None
    images: int | None
    image_size: str | None
    context: int | None
    model: str | None
    gpu: str | None


def plan_of(settings: Settings, machine: Machine, asked: Asked) -> Plan:
    """What the options mean. Raises: SettingsError, ModelFileMissingError, StoreError."""
    from huiyan.hardware.plan.make import make_plan, model_named
    from huiyan.hardware.plan.wish import wish_of
    from huiyan.hardware.profiles import parse_card
    from huiyan.hardware.profiles import profile as profile_named

    named = profile_named(asked.profile)
    model = asked.model
    gguf = None if model is None else _gguf(model, settings)
    preset, shape = model_named(model) if model is not None and gguf is None else (None, None)
    wish = wish_of(
        named,
        users=asked.users,
        images=asked.images,
        image_size=asked.image_size,
        context=asked.context,
        model=preset,
    )
    card = parse_card(asked.gpu) if asked.gpu is not None and gguf is None else None
    if card is None and gguf is None and not machine.gpus and named.card is not None:
        card = parse_card(named.card)
    return make_plan(machine, wish, named, card=card, shape=shape, gguf=gguf)


def _gguf(model: str, settings: Settings) -> GgufFile | None:
    """The model at that path as llama.cpp would load it; None for a name, or a directory of safetensors.

    Raises: ModelFileMissingError, StoreError.
    """
    path = Path(model).expanduser()
    if path.suffix.lower() != ".gguf" and not (path.is_dir() and any(path.glob("*.gguf"))):
        return None
    from huiyan.hardware.plan.cpu import GgufFile
    from huiyan.launcher import model_files

    files = model_files.choose(
        settings.engine.model_copy(update={"model_path": path, "context_tokens": None})
    )
    if not isinstance(files, model_files.ModelFiles):
        return None
    return GgufFile(
        model=files.card.name,
        file_bytes=files.size_bytes,
        language_bytes=files.model_path.stat().st_size,
        kv_bytes_per_token=files.kv_bytes_per_token,
        context_tokens=files.trained_context_tokens,
    )


def _serves(found: Plan) -> bool:
    """Whether something answers: nano does where nothing in particular was asked for."""
    if found.chosen is not None or found.chosen_cpu is not None:
        return True
    return not found.table and found.wish.model is None
