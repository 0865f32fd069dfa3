"""One download in a process of its own. Prints the seconds of the call and what of the processor it took.

python -m bench.store.clients NAME URL TARGET [SHA256 SIZE]
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


class Watch:
    """took_s: by the clock; cpu_s: of all threads, in the program and in the kernel."""

    def __enter__(self) -> Watch:
        self.took_s, self.cpu_s = -time.perf_counter(), -time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.took_s += time.perf_counter()
        self.cpu_s += time.process_time()


def ours_file(url: str, target: Path, sha256: str, size_bytes: int, parallel: int) -> Watch:
    from huiyan.sources.offline import Network
    from huiyan.sources.protocol import FileRequest
    from huiyan.sources.transfer import Item, Transfer, TransferOptions
    from huiyan.store.blobs import Blobs
    from huiyan.store.layout import Layout

    item = Item(path="big", origin=FileRequest(url=url), size_bytes=size_bytes, sha256=sha256)
    with Watch() as watch:
        Transfer(TransferOptions(parallel=parallel), Network()).fetch(Blobs(Layout(target)), [item])
    return watch


def ours_model(hub: str, url: str, target: Path) -> Watch:
    from huiyan.sources.huggingface import HuggingFace
    from huiyan.sources.modelscope import ModelScope
    from huiyan.sources.offline import Network
    from huiyan.sources.pull import Wish, pull
    from huiyan.sources.transfer import Transfer, TransferOptions
    from huiyan.store.snapshots import Store

    network = Network()
    source = HuggingFace(network, url) if hub == "huggingface" else ModelScope(network, url)
    with Watch() as watch:
        pull(
            Store(target),
            [source],
            Wish(model_id="bench/model", include=("*",)),
            transfer=Transfer(TransferOptions(), network),
        )
    return watch


def huggingface(url: str, target: Path) -> Watch:
    from huggingface_hub import snapshot_download

    with Watch() as watch:
        snapshot_download("bench/model", endpoint=url, token=False, cache_dir=target)
    return watch


def modelscope(url: str, target: Path) -> Watch:
    os.environ["MODELSCOPE_DOWNLOAD_INTRA_CLOUD"] = "false"
    from modelscope_hub import HubApi
    from modelscope_hub.config import HubConfig

    api = HubApi(HubConfig(endpoint=url, cache_dir=target, config_dir=target / "home", token=""))
    with Watch() as watch:
        api.download_repo("bench/model", "model")
    return watch


def main() -> None:
    name, url, target, *rest = sys.argv[1:]
    if name.startswith("file-"):
        watch = ours_file(url, Path(target), rest[0], int(rest[1]), int(name.removeprefix("file-")))
    elif name.startswith("huiyan-"):
        watch = ours_model(name.removeprefix("huiyan-"), url, Path(target))
    else:
        watch = {"huggingface-hub": huggingface, "modelscope-hub": modelscope}[name](url, Path(target))
    print(json.dumps({"took_s": watch.took_s, "cpu_s": watch.cpu_s}))


if __name__ == "__main__":
    main()
