"""`huiyan models serve`: this store as a mirror for the team's other machines, read-only."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import errors, options
from huiyan.cli.models import access, progress
from huiyan.cli.options import help_text
from huiyan.messages import refusal, say

if TYPE_CHECKING:
    from huiyan.store.lock import LockFile
    from huiyan.store.snapshots import Store

_PORT = 8100
_MIN_KEY_CHARS = 16


@errors.guarded
def serve(
    *,
    host: Annotated[str, typer.Option("--host", help=help_text("help.mirror_host"))] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help=help_text("help.port"))] = _PORT,
    key_file: Annotated[Path | None, typer.Option("--key-file", help=help_text("help.mirror_key"))] = None,
    store_dir: access.StoreDir = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    """Until Ctrl-C."""
    settings, language = access.load(data_dir=data_dir, config=config, lang=lang, store_dir=store_dir)
    import uvicorn

    from huiyan.gateway.guard import is_loopback
    from huiyan.launcher.addresses import connect_address
    from huiyan.sources.serving import make_app

    store = access.open_store(settings)
    key = None if key_file is None else _key(key_file)
    app = make_app(
        lock=lambda model_id: _lock_text(store, model_id), blob=lambda digest: _blob(store, digest), key=key
    )
    listener = _listen(host, port)
    address, number = connect_address(host), listener.getsockname()[1]
    shown = f"[{address}]" if ":" in address else address
    url = f"huiyan+http://{shown}:{number}"
    if as_json:
        progress.json_line("serving", url=url, port=number, models=[model.id for model in store.models()])
    else:
        typer.echo(say("models.serve.at", language, url=url, count=len(store.models())), err=True)
        if not is_loopback(host):
            typer.echo(say(f"models.serve.{'open' if key is None else 'keyed'}", language), err=True)
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False)
    )
    try:
        server.run([listener])
    finally:
        listener.close()
    return errors.OK


def _listen(host: str, port: int) -> socket.socket:
    from huiyan.errors import PortInUseError

    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise refusal(
            PortInUseError, "models.serve.port", host=host, port=port, reason=error.strerror or error
        ) from error


def _key(path: Path) -> str:
    """A secret is read from a file: what stands on a command line, everybody on the machine can read."""
    from huiyan.errors import SettingsError

    try:
        key = path.expanduser().read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(SettingsError, "models.serve.key", path=path, least=_MIN_KEY_CHARS) from error
    if len(key) < _MIN_KEY_CHARS or not key.isprintable() or " " in key:
        raise refusal(SettingsError, "models.serve.key", path=path, least=_MIN_KEY_CHARS)
    return key


def _lock_text(store: Store, model_id: str | None) -> str | None:
    """As it is now: a pull while the mirror runs is served at once."""
    from huiyan.store.lock import LockFile, encode_lock

    name = None if model_id is None else store.resolve_name(model_id)
    if model_id is not None and name is None:
        return None
    file: LockFile = LockFile()
    for each in store.models():
        snapshot = store.current(each.id)
        if snapshot is not None and name in (None, each.id):
            file = file.with_model(snapshot.lock)
    return encode_lock(file).decode()


def _blob(store: Store, digest: str) -> Path | None:
    path = store.blobs.path(digest)
    return path if path.is_file() else None
