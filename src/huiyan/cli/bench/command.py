"""The command itself: which loads, progress while they run, and where the report goes."""

from __future__ import annotations

import itertools
import os
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from huiyan.cli import errors, options
from huiyan.cli.options import help_text
from huiyan.errors import NotRunningError, SettingsError
from huiyan.messages import Language, Text, refusal, say

if TYPE_CHECKING:
    from huiyan.cli.bench.measure import Gateway, Load, Result, Shape
    from huiyan.cli.bench.report import Report, Skipped
    from huiyan.launcher.state import StatusReport
    from huiyan.settings.model import Settings


@errors.guarded
def bench(  # noqa: PLR0913 - one parameter for each flag
    *,
    users: Annotated[str, typer.Option("--users", help=help_text("help.bench_users"))] = "1,3,16",
    pictures: Annotated[str, typer.Option("--pictures", help=help_text("help.bench_pictures"))] = "1,3,9",
    image_size: Annotated[str, typer.Option("--image-size", help=help_text("help.bench_size"))] = "1024x768",
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", min=2, max=4096, help=help_text("help.max_tokens"))
    ] = 128,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=100, help=help_text("help.bench_rounds"))] = 3,
    html: Annotated[Path | None, typer.Option("--html", help=help_text("help.bench_html"))] = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    from huiyan.cli.bench.measure import Shape

    settings, language = options.load_settings(data_dir=data_dir, config=config, lang=lang)
    width, height = _size(image_size)
    shape = Shape(width=width, height=height, max_tokens=max_tokens, rounds=rounds)
    status, gateway = _running(settings)
    loads, skipped = _loads(status, shape, _numbers("--users", users), _numbers("--pictures", pictures))
    report = _run(status, gateway, shape, loads, skipped, language, quiet=as_json)
    if html is not None:
        from huiyan.cli.bench.report import page

        _write(html, page(report, language))
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _show(report, language)
        if html is not None:
            typer.echo(say("bench.written", language, path=html))
    return errors.FAILED if any(each.failed for each in report.results) else errors.OK


def _running(settings: Settings) -> tuple[StatusReport, Gateway]:
    """Raises: NotRunningError."""
    from huiyan.cli.bench.measure import Gateway
    from huiyan.launcher import control
    from huiyan.launcher.state import DataDir

    info = control.running(DataDir(settings.data_dir))
    status = control.status(info)
    if not status.ready:
        raise refusal(NotRunningError, "bench.not_ready")
    return status, Gateway(
        host=status.address,
        port=status.web_port,
        model=status.model.id,
        api_key=control.own_key(info),
        certificate=None if status.certificate is None else Path(status.certificate),
        timeout_s=settings.gateway.engine_idle_timeout_s,
    )


def _loads(
    status: StatusReport, shape: Shape, users: list[int], pictures: list[int]
) -> tuple[list[Load], list[Skipped]]:
    """One user with each number of pictures, then each number of users with the fewest pictures."""
    from huiyan.cli.bench.measure import Load
    from huiyan.cli.bench.pictures import picture_tokens
    from huiyan.cli.bench.report import Skipped

    wanted = [(users[0], count) for count in pictures] + [(count, pictures[0]) for count in users[1:]]
    card = status.model
    each_tokens = picture_tokens(
        shape.width, shape.height, least=card.image_min_tokens, most=card.image_max_tokens
    )
    loads, skipped = [], []
    for at_once, shown in dict.fromkeys(wanted):
        needed_tokens = shown * each_tokens + 128 + shape.max_tokens
        if shown > card.max_images:
            reason = Text("bench.skip.pictures", {"limit": card.max_images})
        elif needed_tokens > card.context_tokens:
            reason = Text("bench.skip.context", {"needed": needed_tokens, "context": card.context_tokens})
        else:
            loads.append(Load(users=at_once, pictures=shown))
            continue
        skipped.append(
            Skipped(users=at_once, pictures=shown, reason=reason.render("en"), reason_zh=reason.render("zh"))
        )
    return loads, skipped


def _run(
    status: StatusReport,
    gateway: Gateway,
    shape: Shape,
    loads: list[Load],
    skipped: list[Skipped],
    language: Language,
    *,
    quiet: bool,
) -> Report:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from huiyan import __version__
    from huiyan.cli.bench.measure import Load, measure
    from huiyan.cli.bench.memory import held_by
    from huiyan.cli.bench.report import Plan, Report
    from huiyan.hardware.probe import probe

    # Other pictures in every run: what an engine keeps of the last one must not help this one.
    seeds = itertools.count(random.SystemRandom().randrange(1 << 40))
    results: list[Result] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=quiet, transient=True) as progress:
        total = sum(load.users for load in loads) or 1
        task = progress.add_task(say("bench.warming", language), total=total)
        if loads:
            measure(gateway, Load(users=1, pictures=loads[0].pictures), shape, seeds)
        for load in loads:
            said = say("bench.load", language, users=load.users, pictures=load.pictures)
            progress.update(task, description=said)
            results.append(measure(gateway, load, shape, seeds))
            progress.advance(task, load.users)
    machine = probe()
    gpus = ", ".join(gpu.name for gpu in machine.gpus)
    return Report(
        huiyan=__version__,
        at_unix_s=time.time(),
        machine=f"{machine.cpu_usable} CPU, {machine.memory_total_bytes / (1 << 30):.0f} GiB"
        + (f", {gpus}" if gpus else ""),
        engine=status.engine.engine,
        model=status.model.name,
        demo=status.model.demo,
        picture=f"{shape.width}x{shape.height}",
        max_tokens=shape.max_tokens,
        rounds=shape.rounds,
        results=results,
        skipped=skipped,
        held=held_by(status.engine_pid),
        plan=Plan(
            context_tokens=status.model.context_tokens,
            slots=status.engine_slots,
            needed_bytes=status.planned_bytes,
        ),
    )


def _show(report: Report, language: Language) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from huiyan.cli.bench.report import heads, remarks, rows

    table = Table(
        title=say("bench.title", language, model=report.model),
        box=box.SIMPLE,
        padding=(0, 1),
        pad_edge=False,
        collapse_padding=True,
    )
    for head in heads(language):
        table.add_column(head, justify="right")
    for row in rows(report):
        table.add_row(*row)
    console = Console()
    console.print(table)
    for remark in remarks(report, language):
        console.print(remark, highlight=False)


def _numbers(flag: str, text: str) -> list[int]:
    try:
        numbers = [int(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or any(not 1 <= number <= 256 for number in numbers):
        raise refusal(SettingsError, "bench.numbers", flag=flag, text=text)
    return numbers


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and 32 <= int(width) <= 8192 and 32 <= int(height) <= 8192):
        raise refusal(SettingsError, "bench.size", text=text)
    return int(width), int(height)


def _write(path: Path, text: str) -> None:
    """Raises: SettingsError."""
    temporary = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise refusal(SettingsError, "bench.unwritable", path=path, reason=error.strerror) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
