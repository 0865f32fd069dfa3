"""The page's files: hashed assets cached for good, the page itself never unasked.

The build writes a `.gz` beside each text file (web/vite.config.ts); it is sent to who accepts it.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from huiyan.errors import NotFoundError

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE_HEADERS = {
    "content-security-policy": CSP,
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "cross-origin-opener-policy": "same-origin",
}

_NOT_BUILT = """<!doctype html><meta charset="utf-8"><title>huiyan</title>
<h1>The page has not been built</h1>
<p>The gateway works, but this installation carries no page.
Run <code>just web</code> in the checkout, or install the wheel.</p>
<h1>页面尚未构建</h1>
<p>网关工作正常，但此安装不含页面文件。请在源码目录运行 <code>just web</code>，或安装 wheel 包。</p>
"""


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    gzipped: bytes | None
    media_type: str
    etag: str
    immutable: bool


class StaticFiles:
    """Every file under `root` at the time of making, read when first asked for; nothing else is served."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._paths = {path.relative_to(root).as_posix(): path for path in _files(root)}
        self._loaded: dict[str, _File] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI app: GET and HEAD."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(
                404 if self._file(scope["path"]) is None else 405, headers={"Allow": "GET, HEAD"}
            )
        await self.serve(Request(scope))(scope, receive, send)

    def _file(self, path: str) -> _File | None:
        name = path.lstrip("/")
        if name in ("", "chat.html"):
            name = "index.html"
        file = self._loaded.get(name)
        if file is None and name in self._paths:
            file = self._loaded[name] = _load(self._paths[name], self._root)
        return file

    def serve(self, request: Request) -> Response:
        """`/`, `/chat.html` and the page's files. No fallback to the page: an unknown path is a 404."""
        name = request.url.path.lstrip("/") or "index.html"
        if name == "chat.html":
            name = "index.html"
        file = self._file(name)
        if file is None:
            if name == "index.html":
                return HTMLResponse(_NOT_BUILT, 503, headers=_PAGE_HEADERS)
            raise NotFoundError(
                f"There is nothing at /{name[:200]}.", hint="The page is at /, the API below /v1 and /api."
            )
        headers = {
            "etag": file.etag,
            "cache-control": "public, max-age=31536000, immutable" if file.immutable else "no-cache",
            "vary": "accept-encoding",
        }
        if name.endswith(".html"):
            headers |= _PAGE_HEADERS
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers=headers)
        data = file.data
        if file.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            data = file.gzipped
            headers["content-encoding"] = "gzip"
        return Response(data, media_type=file.media_type, headers=headers)


def package_files() -> Path:
    """Where the wheel carries the built page."""
    return Path(str(resources.files("huiyan") / "static"))


def _files(root: Path) -> list[Path]:
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and path.suffix not in (".gz", ".py")
    ]


def _load(path: Path, root: Path) -> _File:
    data = path.read_bytes()
    gzipped = path.with_name(path.name + ".gz")
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if path.suffix in (".js", ".mjs"):
        media_type = "text/javascript"  # some systems' tables say otherwise, and nosniff is strict
    elif path.suffix == ".webmanifest":
        media_type = "application/manifest+json"
    return _File(
        data=data,
        gzipped=gzipped.read_bytes() if gzipped.is_file() else None,
        media_type=media_type,
        etag=f'"{hashlib.sha256(data).hexdigest()[:32]}"',
        immutable=path.relative_to(root).parts[0] == "assets",
    )
