"""`huiyan models pull`: fetch a model, or what a lock or a channel names, and switch to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import typer

from huiyan.cli import errors, options
from huiyan.cli.models import access, progress
from huiyan.cli.options import help_text
from huiyan.messages import Language, refusal, say

if TYPE_CHECKING:
    from huiyan.settings.model import Settings
    from huiyan.sources.pull import Pulled
    from huiyan.store.companions import Missing
    from huiyan.store.lock import LockFile, ModelLock

_Channel = Literal["stable", "nightly"]
#: A model's name, and its lock where one says what it is.
_Job = tuple[str, "ModelLock | None"]


@errors.guarded
def pull(  # noqa: PLR0913 - one parameter for each flag
    *,
    models: access.ModelNames = None,
    revision: Annotated[str | None, typer.Option("--revision", help=help_text("help.revision"))] = None,
    locked: Annotated[Path | None, typer.Option("--locked", help=help_text("help.locked"))] = None,
    channel: Annotated[_Channel | None, typer.Option("--channel", help=help_text("help.channel"))] = None,
    feed: Annotated[str | None, typer.Option("--feed", help=help_text("help.feed"))] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help=help_text("help.only"))] = None,
    hub: access.Hub = None,
    offline: access.Offline = False,
    store_dir: access.StoreDir = None,
    data_dir: options.DataDirOption = None,
    config: options.Config = None,
    lang: options.Lang = None,
    as_json: options.Json = False,
) -> int:
    settings, language = access.load(
        data_dir=data_dir, config=config, lang=lang, store_dir=store_dir, hub=hub, offline=offline
    )
    from huiyan.errors import HuiyanError
    from huiyan.settings.environment import proxies
    from huiyan.sources.fetch import fetch_model
    from huiyan.sources.pull import Wish
    from huiyan.store import companions

    store = access.open_store(settings)
    jobs = _jobs(models or [], _lock_file(settings, locked=locked, channel=channel, feed=feed))
    with access.cancelled_by_ctrl_c() as cancel:
        for name, lock in jobs:
            try:
                with progress.shown(as_json=as_json, language=language) as tell:
                    fetched = fetch_model(
                        store,
                        settings.models,
                        Wish(model_id=name, revision=revision, locked=lock, only=tuple(only or ())),
                        proxies=proxies(),
                        on_progress=tell,
                        cancel=cancel,
                    )
            except HuiyanError as error:
                if cancel.is_set():
                    raise KeyboardInterrupt from error
                raise
            lacks = companions.missing_in(store.tree(fetched.digest))
            _say(fetched, lacks, store.tree(fetched.digest), language=language, as_json=as_json)
    return errors.OK


def _lock_file(
    settings: Settings, *, locked: Path | None, channel: _Channel | None, feed: str | None
) -> LockFile | None:
    """What --locked or --channel stand for; None where neither is given. Raises: LockError, FeedError."""
    from huiyan.errors import FeedError
    from huiyan.sources.feeds import lock_bytes
    from huiyan.store.lock import decode_lock, read_lock

    if locked is not None:
        return read_lock(locked)
    if channel is None:
        return None
    if feed is None:
        raise refusal(FeedError, "models.no_feed", channel=channel)
    data = lock_bytes(feed, channel, offline=settings.models.offline, proxy=_proxy(feed))
    return decode_lock(data, feed)


def _proxy(feed: str) -> str | None:
    """The URL of the proxy that stands before a feed on the web."""
    from huiyan.settings.environment import proxies
    from huiyan.sources.feeds import is_url

    if not is_url(feed):
        return None
    parts, known = urlsplit(feed), proxies()
    if known.of(parts.scheme, parts.hostname or "") is None:
        return None
    return known.https if parts.scheme == "https" else known.http


def _jobs(names: list[str], lock_file: LockFile | None) -> list[_Job]:
    """Raises: SettingsError, ModelFileMissingError."""
    from huiyan.errors import ModelFileMissingError, SettingsError
    from huiyan.store.catalogue import exact_id

    if lock_file is None:
        if not names:
            raise refusal(SettingsError, "models.nothing_named")
        return [(name, None) for name in names]
    if not names:
        return [(lock.id, lock) for lock in lock_file.models]
    jobs: list[_Job] = []
    for name in names:
        lock = lock_file.find(exact_id(name))
        if lock is None:
            known = ", ".join(each.id for each in lock_file.models)
            raise refusal(ModelFileMissingError, "models.not_locked", path="lock", id=name, known=known[:500])
        jobs.append((lock.id, lock))
    return jobs


def _say(
    fetched: Pulled, lacks: list[Missing], directory: Path, *, language: Language, as_json: bool
) -> None:
    lock = fetched.lock
    if as_json:
        progress.json_line(
            "done",
            id=lock.id,
            digest=fetched.digest,
            path=str(directory),
            source=lock.source,
            resolved=lock.resolved,
            size_bytes=lock.size_bytes,
            moved_bytes=fetched.moved_bytes,
            reused_bytes=fetched.reused_bytes,
            whole=list(fetched.whole),
            lacks=[each.path for each in lacks],
        )
        return
    from huiyan.launcher.machine import size

    moved = size(fetched.moved_bytes)
    values = {"id": lock.id, "size": size(lock.size_bytes), "digest": fetched.digest[:12], "moved": moved}
    typer.echo(say("models.pulled", language, **values))
    if fetched.reused_bytes:
        typer.echo(say("models.kept", language, size=size(fetched.reused_bytes)))
    for path in fetched.whole:
        typer.echo(say("models.whole", language, path=path), err=True)
    for each in lacks:
        typer.echo(say("models.lacks", language, id=lock.id, path=each.path), err=True)
    typer.echo(say("models.use", language, id=lock.id))
