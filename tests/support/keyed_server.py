"""The page on a gateway that lets nobody in without a key, as it does when others can reach it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.page_server import PageServer, page_server

ADMIN_KEY = "0123456789abcdef0123456789abcdef-admin"


@dataclass
class KeyedServer:
    """log_path: what the launcher would write, and the live log reads."""

    server: PageServer
    log_path: Path

    @property
    def url(self) -> str:
        return self.server.url

    def log(self, message: str, **fields: Any) -> None:
        """Write a line as the launcher does."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        record = {"ts": moment, "level": "info", "source": "gateway", "message": message} | fields
        with self.log_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


@contextlib.contextmanager
def keyed_server(folder: Path, **options: Any) -> Iterator[KeyedServer]:
    """folder: for keys, usage, pictures and the log."""
    key_file = folder / "admin-key"
    key_file.write_text(ADMIN_KEY, encoding="utf-8")
    log_path = folder / "logs" / "huiyan.jsonl"
    log_path.parent.mkdir()
    log_path.touch()
    access = {
        "local_without_key": False,
        "admin_key_file": key_file,
        "trusted_proxies": ["127.0.0.1"],
    }
    with page_server(data_dir=folder, access=access, **options) as server:
        yield KeyedServer(server, log_path)
