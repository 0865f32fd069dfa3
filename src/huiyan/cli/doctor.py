"""`huiyan doctor`: the checks of a start, without the start."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from huiyan.cli import errors, options
from huiyan.errors import CheckRefusedError, HuiyanError
from huiyan.messages import Language, Text, of_error, refusal, say

if TYPE_CHECKING:
    from huiyan.hardware.probe import Machine
    from huiyan.settings.model import Settings


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One check. key: names it, see `layer.*` and `doctor.layer.*`."""

    key: str
    state: Literal["ok", "warning", "failed"]
    text: Text | None = None
    hint: Text | None = None
    error: HuiyanError | None = None

    def words(self, language: Language) -> tuple[str, str]:
        """(what was found, what to do)."""
        if self.error is not None:
            return of_error(self.error, language)
        said = self.text.render(language) if self.text is not None else ""
        return said, "" if self.hint is None else self.hint.render(language)


@errors.guarded
def doctor(
    *,
    port: options.Port = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = options.load_settings(
        data_dir=data_dir,
        config=config,
        lang=lang,
        gateway={"port": port},
        engine={"model": model, "model_path": model_path},
    )
    refused, runs_at = 0, None
    for finding in examine(settings):
        refused += finding.state == "failed"
        show(finding, language, as_json=as_json)
        if finding.text is not None and finding.text.key == "doctor.running":
            runs_at = finding.text.args["url"]
    if refused:
        raise refusal(CheckRefusedError, "doctor.refused", count=refused)
    if not as_json:
        # Who has it running already is not told to start it.
        typer.echo(
            say("doctor.all_ok", language)
            if runs_at is None
            else say("doctor.all_ok_running", language, url=runs_at)
        )
    return errors.OK


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that a start looks at; change nothing but to make the data directory."""
    from huiyan.gateway import tls
    from huiyan.hardware.probe import probe
    from huiyan.launcher import machine, model_files, ports
    from huiyan.launcher.means import means
    from huiyan.launcher.preparation import memory_needed_bytes

    found = probe(data_dir=settings.data_dir)

    def look_at_machine() -> Text:
        free_bytes = machine.check_data_dir(
            settings.data_dir, min_free_bytes=settings.launcher.min_free_disk_bytes
        )
        return machine.summary(found, free_bytes)

    def look_at_model() -> Text:
        can = means(settings, found)
        files = model_files.choose(settings.engine, settings.models.directory(settings.data_dir), can)
        files.verify(_unrecorded())
        if isinstance(files, model_files.ModelFiles):
            needed_bytes = memory_needed_bytes(files, settings)
            machine.check_memory(found, model=files.card.name, needed_bytes=needed_bytes)
        if files.card.wanted is not None:
            return model_files.why_nano(files.card)
        return model_files.summary(files, machine.size(files.size_bytes))

    def look_at_certificate() -> Text:
        given = settings.gateway
        found = tls.prepare(given.tls, directory=settings.data_dir / "tls", host=given.host)
        assert found is not None
        return found.text

    def look_at_ports() -> Text:
        explicit = settings.explicit("gateway", "port")
        web = ports.listen(settings.gateway.host, settings.gateway.port, explicit=explicit)
        engine = ports.reserve(settings.engine.port, explicit=settings.explicit("engine", "port"))
        web.socket.close()
        engine.socket.close()
        return web.moved or engine.moved or Text("port.ok", {"web": web.number, "engine": engine.number})

    yield _finding("layer.machine", look_at_machine)
    yield from hardware_findings(found, engine=settings.engine.engine)
    yield _finding("doctor.layer.engine", _look_at_engine)
    yield _finding("layer.model", look_at_model)
    yield _finding("doctor.layer.page", _look_at_page)
    if settings.gateway.tls.cert is not None:
        yield _finding("doctor.layer.certificate", look_at_certificate)
    running = _running(settings)
    yield running
    if running.text is None or running.text.key != "doctor.running":
        yield _finding("layer.ports", look_at_ports)


def hardware_findings(found: Machine, *, engine: str) -> Iterator[Finding]:
    """Processor to plan. engine: the settings' one; what keeps vLLM from running is a note for any other."""
    from huiyan.hardware.verdicts import judge

    for verdict in judge(found, wants_vllm=engine == "vllm"):
        yield Finding(
            key=f"doctor.layer.{verdict.check}",
            state=verdict.state,
            text=verdict.text,
            hint=verdict.hint,
        )


def _look_at_engine() -> Text:
    from importlib import metadata

    try:
        return Text("doctor.engine", {"version": metadata.version("xllamacpp")})
    except metadata.PackageNotFoundError as error:
        raise refusal(CheckRefusedError, "doctor.no_engine") from error


def _unrecorded() -> Any:
    """A record that knows nothing, so that every file is hashed now."""
    import tempfile

    from huiyan.store.manifest import VerificationRecord

    return VerificationRecord(Path(tempfile.gettempdir()) / "huiyan-doctor" / "verified-files.json")


def _finding(key: str, look: Callable[[], Text]) -> Finding:
    try:
        text = look()
    except HuiyanError as error:
        return Finding(key=key, state="failed", error=error)
    warned = text.key in ("model.wanted", "port.moved", "port.moved_holder")
    return Finding(key=key, state="warning" if warned else "ok", text=text)


def _look_at_page() -> Text:
    from importlib.resources import files

    if not files("huiyan").joinpath("static", "index.html").is_file():
        raise refusal(CheckRefusedError, "doctor.no_page")
    return Text("doctor.page", {})


def _running(settings: Settings) -> Finding:
    from huiyan.launcher import control
    from huiyan.launcher.health import gateway_health
    from huiyan.launcher.lock import is_held
    from huiyan.launcher.state import DataDir

    place = DataDir(settings.data_dir)
    if not is_held(place):
        return Finding(key="doctor.layer.launcher", state="ok", text=Text("doctor.not_running", {}))
    try:
        report = control.status(control.running(place))
        if report.ready:
            certificate = None if report.certificate is None else Path(report.certificate)
            gateway_health(report.address, report.web_port, certificate=certificate)
    except HuiyanError as error:
        return Finding(key="doctor.layer.launcher", state="failed", error=error)
    state = Text(f"state.{report.engine.state.value}", {})
    return Finding(
        key="doctor.layer.launcher",
        state="ok",
        text=Text("doctor.running", {"url": report.url, "state": state}),
    )


def show(finding: Finding, language: Language, *, as_json: bool) -> None:
    message, hint = finding.words(language)
    name = say(finding.key, language)
    if as_json:
        line: dict[str, Any] = {
            "check": finding.key.rpartition(".")[2],
            "state": finding.state,
            "message": message,
        }
        if finding.error is not None:
            line |= {"code": finding.error.code, "hint": hint}
        elif hint:
            line |= {"hint": hint}
        typer.echo(json.dumps(line, ensure_ascii=False))
        return
    typer.echo(f"[{say(f'doctor.{finding.state}', language)}] {name}: {message}")
    if hint:
        typer.echo("    " + say("hint", language, hint=hint))
