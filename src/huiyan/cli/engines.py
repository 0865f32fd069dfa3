"""`huiyan engines list|use|install|remove`: the environments that hold vLLM."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.messages import Language, say

engines = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@engines.command("list", help=help_text("help.engines_list"))
@errors.guarded
def list_engines(
    *,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    from huiyan.engines.environments import Environments
    from huiyan.engines.install import RECIPES
    from huiyan.errors import EngineNotInstalledError

    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    environments = Environments(settings.data_dir)
    try:
        used = environments.used().path
    except EngineNotInstalledError:
        used = ""
    there = environments.all()
    rows: list[dict[str, Any]] = [
        {"name": "vllm", "version": each.vllm, "torch": each.torch, "path": each.path,
         "used": each.path == used, "installed": True, "registered": each.registered}
        for each in there
    ]  # fmt: skip
    own = {each.vllm for each in there if not each.registered}
    rows += [
        {"name": "vllm", "version": recipe.version, "torch": recipe.torch, "path": "", "used": False,
         "installed": False, "registered": False, "measured": recipe.measured}
        for recipe in RECIPES
        if recipe.version not in own
    ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps({"engines": rows}, ensure_ascii=False))
        return errors.OK
    typer.echo(say("engines.built_in", language))
    for row in rows:
        key = "engines.row" if row["installed"] else "engines.row_available"
        if not row["installed"] and not row["measured"]:
            key = "engines.row_not_run"
        typer.echo(say(key, language, **{**row, "mark": "*" if row["used"] else " "}))
    return errors.OK


@engines.command("use", help=help_text("help.engines_use"))
@errors.guarded
def use(
    *,
    path: Annotated[Path, typer.Argument(help=help_text("help.engines_path"))],
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    import msgspec

    from huiyan.engines.environments import Environments, examine
    from huiyan.settings.environment import child_environment

    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    environments = Environments(settings.data_dir)
    wanted = str(path.expanduser().absolute())
    own = next((each for each in environments.installed() if wanted in {each.path, each.vllm}), None)
    own = own or next((each for each in environments.installed() if each.vllm == str(path)), None)
    chosen = own or examine(path, child_environment())
    environments.use(chosen)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(chosen), ensure_ascii=False))
    else:
        typer.echo(say("engines.used", language, version=chosen.vllm, torch=chosen.torch, path=chosen.path))
    return errors.OK


@engines.command("install", help=help_text("help.engines_install"))
@errors.guarded
def install(
    *,
    name: Annotated[str, typer.Argument(help=help_text("help.engines_name"))] = "vllm",
    force: Annotated[bool, typer.Option("--force", help=help_text("help.engines_force"))] = False,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    import msgspec

    from huiyan.engines import install as installing
    from huiyan.engines.environments import Environments
    from huiyan.hardware.probe import gpus_by_nvml
    from huiyan.settings.environment import installer_environment

    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    if name == "ray":
        return _install_ray(settings.data_dir, language, as_json=as_json)
    chosen = installing.recipe(name)
    if not force:
        gpus, _ = gpus_by_nvml()
        installing.check_driver(chosen, gpus[0].driver_version if gpus else None)
    environments = Environments(settings.data_dir)
    began = time.monotonic()

    def on_line(line: str) -> None:
        typer.echo(f"[{time.monotonic() - began:5.0f} s] {line}", err=True)

    done = installing.install(environments, chosen, installer_environment(), on_line)
    environments.use(done)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(done), ensure_ascii=False))
    else:
        typer.echo(say("engines.installed", language, version=done.vllm, path=done.path))
    return errors.OK


@engines.command("remove", help=help_text("help.engines_remove"))
@errors.guarded
def remove(
    *,
    name: Annotated[str, typer.Argument(help=help_text("help.engines_path"))],
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    from huiyan.engines import install as installing
    from huiyan.engines.environments import Environments
    from huiyan.errors import EngineNotInstalledError
    from huiyan.messages import refusal

    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    if name == "ray":
        from huiyan.cluster import environment as ray

        if not ray.remove(settings.data_dir):
            raise refusal(EngineNotInstalledError, "engines.not_there", name=name)
        typer.echo(
            json.dumps({"removed": str(ray.directory(settings.data_dir)), "version": ray.VERSION})
            if as_json
            else say("cluster.ray_removed", language, version=ray.VERSION)
        )
        return errors.OK
    environments = Environments(settings.data_dir)
    version = name.removeprefix("vllm").removeprefix("==")
    there = environments.all()
    found = next(
        (each for each in there if name == each.path or (not each.registered and version == each.vllm)), None
    )
    if found is None and not version:
        found = next((each for each in there if not each.registered), None)
    if found is None:
        raise refusal(EngineNotInstalledError, "engines.not_there", name=name)
    installing.remove(environments, found)
    if as_json:
        typer.echo(json.dumps({"removed": found.path, "version": found.vllm}))
    else:
        typer.echo(say("engines.removed", language, version=found.vllm))
    return errors.OK


def _install_ray(data_dir: Path, language: Language, *, as_json: bool) -> int:
    """Ray is no engine, but has its environment beside theirs: `huiyan cluster` runs it."""
    from huiyan.cluster import environment as ray
    from huiyan.settings.environment import installer_environment

    began = time.monotonic()
    path = ray.install(
        data_dir,
        installer_environment(),
        lambda line: typer.echo(f"[{time.monotonic() - began:5.0f} s] {line}", err=True),
    )
    if as_json:
        typer.echo(json.dumps({"path": str(path), "version": ray.VERSION}))
    else:
        typer.echo(say("cluster.ray_installed", language, version=ray.VERSION, path=path))
    return errors.OK
