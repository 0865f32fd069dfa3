"""The store and the sources that the settings name, and names as people type them."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from huiyan.cli import options
from huiyan.cli.options import help_text
from huiyan.messages import Language

if TYPE_CHECKING:
    from huiyan.settings.model import Settings
    from huiyan.store.snapshots import Store

Hub = Annotated[str | None, typer.Option("--hub", help=help_text("help.hub"))]
Offline = Annotated[bool, typer.Option("--offline", help=help_text("help.offline"))]
StoreDir = Annotated[Path | None, typer.Option("--store-dir", help=help_text("help.store_dir"))]
ModelName = Annotated[str, typer.Argument(help=help_text("help.model_name"), metavar="MODEL")]
ModelNames = Annotated[list[str] | None, typer.Argument(help=help_text("help.model_names"), metavar="MODEL…")]


def load(
    *,
    data_dir: Path | None,
    config: Path | None,
    lang: str | None,
    store_dir: Path | None = None,
    hub: str | None = None,
    offline: bool = False,
) -> tuple[Settings, Language]:
    """Raises: SettingsError."""
    section = {"store_dir": store_dir, "hub": hub, "offline": offline or None}
    return options.load_settings(data_dir=data_dir, config=config, lang=lang, models=section)


def open_store(settings: Settings) -> Store:
    """Raises: StoreError."""
    from huiyan.store.snapshots import Store

    return Store(settings.models.directory(settings.data_dir))


def here(store: Store, name: str) -> str:
    """The exact id of a model in the store. Raises: ModelNotInStoreError when it is not there."""
    from huiyan.store import catalogue

    return store.known(catalogue.split_variant(catalogue.exact_id(name))[0])


@contextlib.contextmanager
def cancelled_by_ctrl_c() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C or SIGTERM: what has arrived is written down. The second ends it at once."""
    event = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
