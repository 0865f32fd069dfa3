"""`huiyan cluster llm`: the planner's result as a deployment file of Ray Serve LLM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from huiyan.cli import errors, options, plan
from huiyan.cli.options import help_text
from huiyan.messages import refusal, say


@errors.guarded
def llm(  # noqa: PLR0913 - one parameter for each flag
    *,
    model_dir: Annotated[Path, typer.Option("--model-dir", help=help_text("help.cluster_model_dir"))],
    model: plan.PlanModel = None,
    gpu: plan.Card = None,
    profile: plan.Profile = "auto",
    users: plan.Users = None,
    images: plan.Images = None,
    image_size: plan.ImageSize = None,
    context: plan.Context = None,
    accelerator: Annotated[
        str | None, typer.Option("--accelerator", help=help_text("help.cluster_accelerator"))
    ] = None,
    replicas: Annotated[
        int | None, typer.Option("--replicas", min=1, max=512, help=help_text("help.cluster_replicas"))
    ] = None,
    max_replicas: Annotated[
        int | None,
        typer.Option("--max-replicas", min=1, max=512, help=help_text("help.cluster_max_replicas")),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help=help_text("help.cluster_out"))] = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    from huiyan.cluster.llm import llm_config, serve_file
    from huiyan.errors import MachineCheckError
    from huiyan.hardware.plan.make import make_plan, model_named
    from huiyan.hardware.plan.wish import wish_of
    from huiyan.hardware.probe import probe
    from huiyan.hardware.profiles import parse_card
    from huiyan.hardware.profiles import profile as profile_named
    from huiyan.store.manifest import write_atomic

    settings, language = options.load_settings(
        data_dir=data_dir,
        config=config,
        lang=lang,
        cluster={"min_replicas": replicas, "max_replicas": max_replicas or replicas},
    )
    named = profile_named(profile)
    preset, shape = model_named(model if model is not None else str(model_dir))
    wish = wish_of(named, users=users, images=images, image_size=image_size, context=context, model=preset)
    machine = probe(data_dir=settings.data_dir)
    card = parse_card(gpu) if gpu is not None else None
    if card is None and not machine.gpus and named.card is not None:
        card = parse_card(named.card)
    found = make_plan(machine, wish, named, card=card, shape=shape)
    if found.chosen is None:
        why = next(
            (say(each.reason.key, language, **each.reason.args) for each in found.table if each.reason), "-"
        )
        raise refusal(MachineCheckError, "cluster.no_gpu_plan", why=why)
    served = llm_config(
        found.chosen,
        model_id=model or model_dir.name,
        directory=model_dir,
        accelerator=accelerator,
        options=settings.cluster,
    )
    text = json.dumps(serve_file([served], settings.cluster), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return errors.OK
    write_atomic(out, text.encode())
    if as_json:
        typer.echo(json.dumps({"written": str(out), "model": found.chosen.model}))
    else:
        typer.echo(say("cluster.llm_written", language, path=out))
    return errors.OK
