"""A pull as commands and the launcher ask for it: from settings and a name to a model in the store."""

from __future__ import annotations

import threading
from collections.abc import Callable

from huiyan.sources.choose import choose
from huiyan.sources.offline import Network
from huiyan.sources.options import StoreOptions
from huiyan.sources.protocol import Progress
from huiyan.sources.proxies import Proxies
from huiyan.sources.pull import Pulled, Wish, pull
from huiyan.sources.transfer import Transfer, TransferOptions
from huiyan.store.snapshots import Store


def fetch_model(
    store: Store,
    options: StoreOptions,
    wish: Wish,
    *,
    proxies: Proxies | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Pulled:
    """Bring a model into the store and make it current.

    Raises: SettingsError for an impossible hub, and what `pull` raises.
    """
    network = Network(offline=options.offline, proxies=proxies)
    return pull(
        store,
        choose(options.hub, options, network),
        wish,
        transfer=Transfer(TransferOptions.of(options), network),
        on_progress=on_progress,
        cancel=cancel,
    )
