"""What the fake hub answers where ModelScope's API is spoken."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from huiyan.testing.hub_models import FakeModel, git_oid
from huiyan.testing.hub_server import HubRequest, Reply

if TYPE_CHECKING:
    from huiyan.testing.hub import FakeHub

_ROUTE = re.compile(r"/(?:api|openapi)/v1/models/(?P<id>[^/]+/[^/]+)(?P<rest>|/repo|/repo/files)")


def answer(hub: FakeHub, request: HubRequest) -> Reply:
    """Model info, listing and files. A branch is never resolved to a commit here."""
    match = _ROUTE.fullmatch(request.path)
    if match is None:
        return _missing("no such route")
    model = hub.find(match["id"])
    if model is None:
        return _missing("model not found")
    if match["rest"] == "":
        owner, _, name = model.id.partition("/")
        if request.path.startswith("/openapi/"):
            return _json({"success": True, "data": {"id": model.id, "name": name, "private": False}})
        return _data({"Path": owner, "Name": name, "Visibility": 5})
    if model.id in hub.gated and "authorization" not in request.headers:
        return Reply(status=403, body=b'{"Code": 10010205403, "Message": "no permission", "Success": false}')
    commit = model.resolve(request.query.get("Revision", "master"))
    if commit is None:
        return _missing("revision not found")
    if match["rest"] == "/repo/files":
        return _listing(request, model, commit)
    return _file(hub, request, model, commit)


def _listing(request: HubRequest, model: FakeModel, commit: str) -> Reply:
    root = request.query.get("Root", "").strip("/")
    files: list[dict[str, object]] = []
    folders: set[str] = set()
    for path, data in sorted(model.commits[commit].items()):
        if root and not path.startswith(f"{root}/"):
            continue
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder not in folders:
                folders.add(folder)
                files.append(
                    {"Name": parts[depth - 1], "Path": folder, "Type": "tree", "Size": 0, "Sha256": ""}
                )
        files.append(
            {
                "Name": parts[-1],
                "Path": path,
                "Type": "blob",
                "Size": len(data),
                "Sha256": hashlib.sha256(data).hexdigest(),
                "Revision": git_oid(data),
                "Mode": "33188",
            }
        )
    return _data({"Files": files})


def _file(hub: FakeHub, request: HubRequest, model: FakeModel, commit: str) -> Reply:
    path = request.query.get("FilePath", "")
    data = model.commits[commit].get(path)
    if data is None:
        return _missing("file not found")
    if hub.is_large(path, data):
        digest = hashlib.sha256(data).hexdigest()
        return Reply(status=302, headers={"Location": hub.cdn_location(data), "X-Linked-Etag": f'"{digest}"'})
    # Small files are sent whole, whatever range was asked for.
    return Reply(body=data, ranges=False, is_file=True)


def _data(value: object) -> Reply:
    return _json({"Code": 200, "Data": value, "Message": "", "RequestId": "0", "Success": True})


def _json(value: object) -> Reply:
    return Reply(body=json.dumps(value).encode(), content_type="application/json")


def _missing(message: str) -> Reply:
    body = json.dumps({"Code": 10010205001, "Message": message, "RequestId": "0", "Success": False})
    return Reply(status=404, body=body.encode(), content_type="application/json")
