"""Options that several commands share, and how they become settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from huiyan.errors import AlreadyRunningError
from huiyan.messages import Language, say
from huiyan.settings.environment import system_language

if TYPE_CHECKING:
    from huiyan.settings.model import Settings


def help_text(key: str) -> str:
    """A sentence for `--help`, which is made before any option is read."""
    return say(key, system_language())


Json = Annotated[bool, typer.Option("--json", help=help_text("help.json"))]
Lang = Annotated[Literal["auto", "zh", "en"] | None, typer.Option("--lang", help=help_text("help.lang"))]
DataDirOption = Annotated[Path | None, typer.Option("--data-dir", help=help_text("help.data_dir"))]
Config = Annotated[Path | None, typer.Option("--config", help=help_text("help.config"))]
Model = Annotated[str | None, typer.Option("--model", help=help_text("help.model"))]
ModelPath = Annotated[Path | None, typer.Option("--model-path", help=help_text("help.model_path"))]
EngineOption = Annotated[
    Literal["auto", "llama_cpp", "vllm"] | None,
    typer.Option("--engine", help=help_text("help.engine")),
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help=help_text("help.threads"))]
Host = Annotated[str | None, typer.Option("--host", help=help_text("help.host"))]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help=help_text("help.port"))]
TlsCert = Annotated[Path | None, typer.Option("--tls-cert", help=help_text("help.tls_cert"))]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", help=help_text("help.tls_key"))]
Workers = Annotated[int | None, typer.Option("--workers", min=1, max=64, help=help_text("help.workers"))]
TlsSelfSigned = Annotated[bool, typer.Option("--tls-self-signed", help=help_text("help.tls_self_signed"))]


def gateway_flags(
    *,
    host: str | None,
    port: int | None,
    workers: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_self_signed: bool,
) -> dict[str, Any]:
    """The gateway's section, as `load_settings` takes it."""
    tls: dict[str, Any] = {"cert": tls_cert, "key": tls_key, "self_signed": tls_self_signed or None}
    given = {name: value for name, value in tls.items() if value is not None}
    if tls_self_signed:
        # Said on the command line, it wins over a certificate that the file or the environment names.
        given |= {name: tls[name] for name in ("cert", "key")}
    traffic = None if workers is None else {"workers": workers}
    return {"host": host, "port": port, "tls": given or None, "traffic": traffic}


def language_of(lang: str | None) -> Language:
    """The language of `--lang`; the system's when it leaves that open."""
    return lang if lang in ("zh", "en") else system_language()  # type: ignore[return-value]  # narrowed by `in`


def load_settings(
    *,
    data_dir: Path | None,
    config: Path | None,
    lang: str | None = None,
    gateway: dict[str, Any] | None = None,
    engine: dict[str, Any] | None = None,
    launcher: dict[str, Any] | None = None,
    models: dict[str, Any] | None = None,
    cluster: dict[str, Any] | None = None,
) -> tuple[Settings, Language]:
    """Settings from the given flags (None: not given), and the language to speak.

    Raises: SettingsError.
    """
    from huiyan.settings.load import load

    flags: dict[str, Any] = {"data_dir": data_dir, "lang": lang}
    sections = {
        "gateway": gateway,
        "engine": engine,
        "launcher": launcher,
        "models": models,
        "cluster": cluster,
    }
    for name, section in sections.items():
        given = {key: value for key, value in (section or {}).items() if value is not None}
        flags[name] = given or None
    given_flags = {name: value for name, value in flags.items() if value is not None}
    settings = load(given_flags, config=config)
    if _restore_ended(settings):
        settings = load(given_flags, config=config)  # it may have brought a huiyan.toml
    return settings, language_of(settings.lang)


def _restore_ended(settings: Settings) -> bool:
    """End a restore that a kill has interrupted, before anything is read that it may have left half done.

    Raises: BackupRefusedError, StoreError.
    """
    from huiyan.state.placing import unfinished

    data_dir = settings.data_dir
    if not unfinished(data_dir):
        return False
    from huiyan.launcher.lock import DataDirLock
    from huiyan.launcher.state import DataDir
    from huiyan.state.restore import settle

    state_dir, url = state_place(settings)
    try:
        lock = DataDirLock(DataDir(data_dir))
    except AlreadyRunningError:
        return False  # a restore that runs right now, in another process
    with lock:
        ended = settle(data_dir=data_dir, state_dir=state_dir, url=url)
    if ended is not None:
        key = "backup.settled" if ended else "backup.undone"
        typer.echo(say(key, language_of(settings.lang)), err=True)
    return bool(ended)


def state_place(settings: Settings) -> tuple[Path, str | None]:
    """(directory of the secret and of SQLite's file, address of another database)."""
    access = settings.gateway.access
    url = access.database_url
    return access.state_dir or settings.data_dir / "state", None if url is None else url.get_secret_value()
