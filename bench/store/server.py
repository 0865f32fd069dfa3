"""nginx as a mirror and as both hubs: what they would say, written down beforehand."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ID = "bench/model"


def random_file(path: Path, size_bytes: int) -> str:
    """Bytes that do not repeat within 64 MiB; returns their SHA-256."""
    digest = hashlib.sha256()
    block = os.urandom(min(size_bytes, 64 * 1024 * 1024) or 1)
    with path.open("wb") as file:
        left = size_bytes
        while left > 0:
            piece = block[:left]
            file.write(piece)
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()


@contextlib.contextmanager
def nginx(directory: Path, files: dict[str, tuple[int, str]]) -> Iterator[str]:
    """Serve `directory`/files. files: (size, SHA-256) by name. Yields the URL."""
    binary = shutil.which("nginx")
    if binary is None:
        raise SystemExit("bench.store needs nginx (Debian: nginx-light)")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    _hub_answers(directory, files)
    config = directory / "nginx.conf"
    config.write_text(_config(directory, files, port), "utf-8")
    process = subprocess.Popen([binary, "-p", str(directory), "-c", str(config), "-e", "stderr"])
    try:
        deadline_s = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise SystemExit("nginx did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _hub_answers(directory: Path, files: dict[str, tuple[int, str]]) -> None:
    answers = directory / "answers"
    answers.mkdir(exist_ok=True)
    owner, name = ID.split("/")
    tree = [
        {
            "type": "file",
            "oid": hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest(),
            "size": size,
            "path": path,
            "lfs": {"oid": sha256, "size": size, "pointerSize": 134},
        }
        for path, (size, sha256) in files.items()
    ]
    listing = [
        {"Path": path, "Name": path, "Size": size, "Sha256": sha256, "Type": "blob"}
        for path, (size, sha256) in files.items()
    ]
    siblings = [{"rfilename": path} for path in files]
    for target, value in {
        "info.json": {"id": ID, "modelId": ID, "sha": COMMIT, "siblings": siblings},
        "tree.json": tree,
        "listing.json": {"Code": 200, "Data": {"Files": listing}, "Success": True},
        "repo.json": {"Code": 200, "Data": {"Path": owner, "Name": name}, "Success": True},
        "openapi.json": {"success": True, "data": {"id": ID, "name": name, "private": False}},
    }.items():
        (answers / target).write_text(json.dumps(value), "utf-8")


def _config(directory: Path, files: dict[str, tuple[int, str]], port: int) -> str:
    resolves = "\n".join(
        f"""
        location = /{ID}/resolve/{COMMIT}/{path} {{
            alias {directory}/files/{path};
            add_header X-Repo-Commit {COMMIT};
            add_header X-Linked-Etag '"{sha256}"';
            add_header X-Linked-Size {size};
        }}"""
        for path, (size, sha256) in files.items()
    )
    fixed = "\n".join(
        f"location = {target} {{ default_type application/json; alias {directory}/answers/{name}; }}"
        for target, name in {
            f"/api/models/{ID}": "info.json",
            f"/api/models/{ID}/revision/main": "info.json",
            f"/api/models/{ID}/revision/{COMMIT}": "info.json",
            f"/api/models/{ID}/tree/{COMMIT}": "tree.json",
            f"/api/v1/models/{ID}": "repo.json",
            f"/openapi/v1/models/{ID}": "openapi.json",
            f"/api/v1/models/{ID}/repo/files": "listing.json",
        }.items()
    )
    return f"""
daemon off; worker_processes 1; pid {directory}/nginx.pid; user root;
events {{ worker_connections 512; }}
http {{
    access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
    client_body_temp_path {directory}/tmp; proxy_temp_path {directory}/tmp; fastcgi_temp_path {directory}/tmp;
    uwsgi_temp_path {directory}/tmp; scgi_temp_path {directory}/tmp;
    server {{
        listen 127.0.0.1:{port};
        root {directory};
        {fixed}
        {resolves}
        location = /api/v1/models/{ID}/repo {{ rewrite ^ /files/$arg_FilePath break; }}
        location /files/ {{ }}
    }}
}}
"""
