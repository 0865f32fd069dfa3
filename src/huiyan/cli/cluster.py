"""`huiyan cluster up|status|scale|down|llm`: engines on several machines through Ray Serve."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huiyan.cli import errors, options
from huiyan.cli.cluster_llm import llm
from huiyan.cli.options import help_text
from huiyan.messages import Language, refusal, say

if TYPE_CHECKING:
    from huiyan.cluster.deployment import Deployment, Found, Wanted
    from huiyan.settings.model import Settings

cluster = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
cluster.command("llm", help=help_text("help.cluster_llm"))(llm)

Address = Annotated[str | None, typer.Option("--address", help=help_text("help.cluster_address"))]
Name = Annotated[str | None, typer.Option("--name", help=help_text("help.cluster_name"))]
MaxReplicas = Annotated[
    int | None, typer.Option("--max-replicas", min=1, max=512, help=help_text("help.cluster_max_replicas"))
]


@cluster.command("up", help=help_text("help.cluster_up"))
@errors.guarded
def up(  # noqa: PLR0913 - one parameter for each flag
    *,
    replicas: Annotated[
        int | None, typer.Option("--replicas", min=1, max=512, help=help_text("help.cluster_replicas"))
    ] = None,
    max_replicas: MaxReplicas = None,
    model: options.Model = None,
    lock: Annotated[Path | None, typer.Option("--lock", help=help_text("help.cluster_lock"))] = None,
    address: Address = None,
    name: Name = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(
        data_dir=data_dir,
        config=config,
        lang=lang,
        engine={"model": model},
        cluster={
            "min_replicas": replicas,
            "max_replicas": _most(replicas, max_replicas),
            "lock": lock,
            "address": address,
            "name": name,
        },
    )
    return _deploy(settings, language, as_json=as_json, again=False)


@cluster.command("scale", help=help_text("help.cluster_scale"))
@errors.guarded
def scale(
    *,
    replicas: Annotated[int, typer.Argument(min=1, max=512, help=help_text("help.cluster_to"))],
    max_replicas: MaxReplicas = None,
    address: Address = None,
    name: Name = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(
        data_dir=data_dir,
        config=config,
        lang=lang,
        cluster={
            "min_replicas": replicas,
            "max_replicas": _most(replicas, max_replicas),
            "address": address,
            "name": name,
        },
    )
    return _deploy(settings, language, as_json=as_json, again=True)


@cluster.command("status", help=help_text("help.cluster_status"))
@errors.guarded
def status(
    *,
    address: Address = None,
    name: Name = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    from huiyan.errors import NotRunningError

    settings, language = options.load_settings(
        data_dir=data_dir, config=config, lang=lang, cluster={"address": address, "name": name}
    )
    deployment, where = _deployment(settings)
    found = deployment.status()
    if found.state == "ABSENT":
        raise refusal(NotRunningError, "cluster.absent", address=where, name=settings.cluster.name)
    _tell(found, settings, where, language, as_json=as_json)
    return errors.OK if found.state == "RUNNING" else errors.FAILED


@cluster.command("down", help=help_text("help.cluster_down"))
@errors.guarded
def down(
    *,
    address: Address = None,
    name: Name = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    from huiyan.cluster.local import LocalCluster
    from huiyan.errors import ClusterError

    settings, language = options.load_settings(
        data_dir=data_dir, config=config, lang=lang, cluster={"address": address, "name": name}
    )
    local = LocalCluster(settings.data_dir)
    ended = False
    try:
        deployment, _ = _deployment(settings)
        deployment.down()
    except ClusterError:
        # Of a cluster of our own nothing is left after this, whatever it says.
        if settings.cluster.address is not None:
            raise
    if settings.cluster.address is None:
        ended = local.stop()
    if as_json:
        typer.echo(json.dumps({"down": settings.cluster.name, "head_ended": ended}))
    else:
        typer.echo(say("cluster.down", language, name=settings.cluster.name))
        if ended:
            typer.echo(say("cluster.head_ended", language))
    return errors.OK


def _most(replicas: int | None, max_replicas: int | None) -> int | None:
    """Raises: SettingsError."""
    from huiyan.errors import SettingsError

    if replicas is not None and max_replicas is not None and max_replicas < replicas:
        raise refusal(SettingsError, "cluster.bounds", most=max_replicas, least=replicas)
    # Said on the command line, a number alone is also the most, whatever the file says.
    return max_replicas or replicas


def _deployment(
    settings: Settings, *, start: bool = False, language: Language = "en"
) -> tuple[Deployment, str]:
    """The deployment and its cluster's address. start: a cluster of this machine, if there is none.

    Raises: EngineNotInstalledError, NotRunningError, ClusterError.
    """
    from huiyan.cluster.deployment import Deployment
    from huiyan.cluster.environment import interpreter
    from huiyan.cluster.local import LocalCluster
    from huiyan.errors import NotRunningError
    from huiyan.settings.environment import ray_environment

    python = interpreter(settings.data_dir)
    if settings.cluster.address is not None:
        where = settings.cluster.address
        return Deployment(python, ray_environment(), where, settings.cluster), where
    local = LocalCluster(settings.data_dir)
    head = local.head()
    if head is None and start:
        head = local.start(
            python,
            settings.cluster,
            ray_environment(),
            lambda seconds: _progress(say("cluster.head_waits", language, seconds=round(seconds))),
        )
    if head is None:
        raise refusal(NotRunningError, "cluster.nowhere")
    environment = ray_environment(local.variables())
    return Deployment(python, environment, head.address, settings.cluster), head.address


def _deploy(settings: Settings, language: Language, *, as_json: bool, again: bool) -> int:
    """again: what was deployed before, in another number."""
    from huiyan.cluster.deployment import recall, remember, secret_of
    from huiyan.errors import NotRunningError, SettingsError

    if settings.engine.engine == "vllm":
        raise refusal(SettingsError, "cluster.vllm")
    directory = settings.data_dir / "cluster"
    wanted: Wanted | None = recall(directory, settings.cluster.name) if again else _wanted(settings)
    deployment, where = _deployment(settings, start=not again, language=language)
    if wanted is None:
        raise refusal(NotRunningError, "cluster.absent", address=where, name=settings.cluster.name)
    secret_path, secret = secret_of(directory)
    began = time.monotonic()

    def on_progress(running: int, wanted: int) -> None:
        seconds = round(time.monotonic() - began)
        _progress(say("cluster.waits", language, running=running, wanted=wanted, seconds=seconds))

    remember(directory, settings.cluster.name, wanted)
    found = deployment.up(wanted, secret, on_progress)
    _tell(found, settings, where, language, as_json=as_json, secret=secret_path)
    return errors.OK


def _wanted(settings: Settings) -> Wanted:
    """Raises: LockError, StoreError."""
    from huiyan.cluster.deployment import Wanted
    from huiyan.settings.environment import child_environment

    lock = ""
    if settings.cluster.lock is not None:
        from huiyan.store.lock import encode_lock, read_lock

        lock = encode_lock(read_lock(settings.cluster.lock)).decode()
    return Wanted(
        child={
            "engine": settings.engine.model_dump(mode="json"),
            "models": settings.models.model_dump(mode="json"),
            "data_dir": str(settings.data_dir.absolute()),
            "lock": lock,
        },
        # Where huiyan runs from its sources.
        environment={k: v for k, v in child_environment().items() if k == "PYTHONPATH"},
        python=str(settings.cluster.node_python or sys.executable),
    )


def _progress(line: str) -> None:
    typer.echo(line, err=True)


def _tell(
    found: Found,
    settings: Settings,
    where: str,
    language: Language,
    *,
    as_json: bool,
    secret: Path | None = None,
) -> None:
    import msgspec

    options_ = settings.cluster
    host = where.rpartition(":")[0] if options_.http_host in ("0.0.0.0", "::") else options_.http_host  # noqa: S104
    url = f"http://{host}:{options_.http_port}/huiyan/replicas"
    secret = secret or settings.data_dir / "cluster" / "secret"
    command = f"huiyan serve --replicas-url {url} --replicas-secret-file {shlex.quote(str(secret))}"
    if as_json:
        told: dict[str, Any] = msgspec.to_builtins(found)
        more = {"address": where, "replicas_url": url, "secret_file": str(secret), "gateway": command}
        typer.echo(json.dumps({**told, **more}, ensure_ascii=False))
        return
    engines = found.engines
    figures = {"name": options_.name, "state": found.state, "nodes": len(found.nodes), "address": where}
    counts = {"running": engines.running, "wanted": engines.wanted}
    typer.echo(say("cluster.status", language, **figures, **counts))
    for each in engines.listed:
        typer.echo(say("cluster.listed", language, **each))
    if found.message:
        typer.echo(found.message, err=True)
    typer.echo(say("cluster.up", language, running=engines.running, address=where, command=command))
