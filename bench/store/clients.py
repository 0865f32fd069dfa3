"""One download in a process of its own: what is timed is the call, not Python's start. Prints seconds.

python -m bench.store.clients NAME URL TARGET [SHA256 SIZE]
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def ours_file(url: str, target: Path, sha256: str, size_bytes: int, parallel: int) -> float:
    from huiyan.sources.offline import Network
    from huiyan.sources.protocol import FileRequest
    from huiyan.sources.transfer import Item, Transfer, TransferOptions
    from huiyan.store.blobs import Blobs
    from huiyan.store.layout import Layout

    item = Item(path="big", origin=FileRequest(url=url), size_bytes=size_bytes, sha256=sha256)
    began_s = time.perf_counter()
    Transfer(TransferOptions(parallel=parallel), Network()).fetch(Blobs(Layout(target)), [item])
    return time.perf_counter() - began_s


def ours_model(hub: str, url: str, target: Path) -> float:
    from huiyan.sources.huggingface import HuggingFace
    from huiyan.sources.modelscope import ModelScope
    from huiyan.sources.offline import Network
    from huiyan.sources.pull import Wish, pull
    from huiyan.sources.transfer import Transfer, TransferOptions
    from huiyan.store.snapshots import Store

    network = Network()
    source = HuggingFace(network, url) if hub == "huggingface" else ModelScope(network, url)
    began_s = time.perf_counter()
    pull(
        Store(target),
        [source],
        Wish(model_id="bench/model", include=("*",)),
        transfer=Transfer(TransferOptions(), network),
    )
    return time.perf_counter() - began_s


def huggingface(url: str, target: Path) -> float:
    from huggingface_hub import snapshot_download

    began_s = time.perf_counter()
    snapshot_download("bench/model", endpoint=url, token=False, cache_dir=target)
    return time.perf_counter() - began_s


def modelscope(url: str, target: Path) -> float:
    os.environ["MODELSCOPE_DOWNLOAD_INTRA_CLOUD"] = "false"
    from modelscope_hub import HubApi
    from modelscope_hub.config import HubConfig

    api = HubApi(HubConfig(endpoint=url, cache_dir=target, config_dir=target / "home", token=""))
    began_s = time.perf_counter()
    api.download_repo("bench/model", "model")
    return time.perf_counter() - began_s


def main() -> None:
    name, url, target, *rest = sys.argv[1:]
    if name.startswith("file-"):
        took_s = ours_file(url, Path(target), rest[0], int(rest[1]), int(name.removeprefix("file-")))
    elif name.startswith("huiyan-"):
        took_s = ours_model(name.removeprefix("huiyan-"), url, Path(target))
    else:
        took_s = {"huggingface-hub": huggingface, "modelscope-hub": modelscope}[name](url, Path(target))
    print(json.dumps({"took_s": took_s}))


if __name__ == "__main__":
    main()
