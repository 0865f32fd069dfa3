"""What the fake hub answers where Hugging Face's API is spoken."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from huiyan.testing.hub_models import FakeModel, git_oid
from huiyan.testing.hub_server import HubRequest, Reply

if TYPE_CHECKING:
    from huiyan.testing.hub import FakeHub

_INFO = re.compile(r"/api/models/(?P<id>[^/]+/[^/]+)(?:/revision/(?P<revision>.+))?")
_TREE = re.compile(r"/api/models/(?P<id>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)")
_FILE = re.compile(r"/(?P<id>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


def answer(hub: FakeHub, request: HubRequest) -> Reply:
    """Model info, tree and files; 404 with the hub's X-Error-Code for anything else."""
    for pattern, serve in ((_TREE, _tree), (_INFO, _info), (_FILE, _file)):
        match = pattern.fullmatch(request.path)
        if match is None:
            continue
        model = hub.find(match["id"])
        if model is None:
            return _missing("RepoNotFound", 401 if "authorization" not in request.headers else 404)
        if model.id in hub.gated and "authorization" not in request.headers:
            return Reply(status=403, headers={"X-Error-Code": "GatedRepo"})
        if model.id != match["id"]:
            # The hub knows it under another case, and says so.
            location = request.target.replace(quote(match["id"]), quote(model.id), 1)
            return Reply(status=307, headers={"Location": location})
        commit = model.resolve(match["revision"] or "main")
        if commit is None:
            return _missing("RevisionNotFound")
        return serve(hub, request, model, commit)
    return _missing("RepoNotFound")


def _info(hub: FakeHub, request: HubRequest, model: FakeModel, commit: str) -> Reply:
    siblings = [{"rfilename": path} for path in sorted(model.commits[commit])]
    return _json(
        {
            "_id": "0",
            "id": model.id,
            "modelId": model.id,
            "sha": commit,
            "private": False,
            "siblings": siblings,
        }
    )


def _tree(hub: FakeHub, request: HubRequest, model: FakeModel, commit: str) -> Reply:
    entries: list[dict[str, object]] = []
    folders: set[str] = set()
    for path, data in sorted(model.commits[commit].items()):
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folder not in folders:
                folders.add(folder)
                entries.append(
                    {"type": "directory", "oid": git_oid(folder.encode()), "size": 0, "path": folder}
                )
        digest = hashlib.sha256(data).hexdigest()
        entry: dict[str, object] = {"type": "file", "oid": git_oid(data), "size": len(data), "path": path}
        if hub.is_large(path, data):
            entry["oid"] = git_oid(b"pointer to " + digest.encode())
            entry["lfs"] = {"oid": digest, "size": len(data), "pointerSize": 134}
        entries.append(entry)
    first = int(request.query.get("cursor", "0"))
    page = entries[first : first + hub.page_size]
    reply = _json(page)
    if first + hub.page_size < len(entries):
        here = f"{hub.url}{request.path}?recursive=True&cursor={first + hub.page_size}"
        reply.headers["Link"] = f'<{here}>; rel="next"'
    return reply


def _file(hub: FakeHub, request: HubRequest, model: FakeModel, commit: str) -> Reply:
    path = request.path.split("/", 5)[5]
    data = model.commits[commit].get(path)
    if data is None:
        reply = _missing("EntryNotFound")
        reply.headers["X-Repo-Commit"] = commit
        return reply
    if not hub.is_large(path, data):
        return Reply(
            body=data,
            etag=f'"{git_oid(data)}"',
            ranges=False,
            is_file=True,
            headers={"X-Repo-Commit": commit},
        )
    return Reply(
        status=302,
        headers={
            "X-Repo-Commit": commit,
            "X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"',
            "X-Linked-Size": str(len(data)),
            "Location": hub.cdn_location(data),
        },
    )


def _json(value: object) -> Reply:
    return Reply(body=json.dumps(value).encode(), content_type="application/json")


def _missing(code: str, status: int = 404) -> Reply:
    return Reply(status=status, headers={"X-Error-Code": code, "X-Error-Message": code})
