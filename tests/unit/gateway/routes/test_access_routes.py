"""`/api/session`, `/api/admin/*` behind a door, as the edge puts them together."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

from huiyan.errors import HuiyanError
from huiyan.gateway.access.caller import PRINCIPAL_KEY, admit
from huiyan.gateway.access.options import AccessOptions
from huiyan.gateway.access.runtime import Access
from huiyan.gateway.errors import body_of, headers_of, status_of
from huiyan.gateway.routes.admin import AdminRoutes
from huiyan.gateway.routes.session import SessionRoutes
from huiyan.state.issue import issue_key
from tests.unit.gateway.test_usage import record

HOST = "gpu.example:8000"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class App:
    """The routes with the edge's order: door first, then the route, then our error body."""

    def __init__(self, access: Access) -> None:
        self.access = access
        admin, session = AdminRoutes(access), SessionRoutes(access)
        self.router = Router(
            [
                Route("/api/admin/keys", admin.list_keys, methods=["GET"]),
                Route("/api/admin/keys", admin.create_key, methods=["POST"]),
                Route("/api/admin/keys/{id}", admin.change_key, methods=["PATCH"]),
                Route("/api/admin/keys/{id}", admin.revoke_key, methods=["DELETE"]),
                Route("/api/admin/usage", admin.usage, methods=["GET"]),
                Route("/api/session", session.show, methods=["GET"]),
                Route("/api/session", session.sign_in, methods=["POST"]),
                Route("/api/session", session.sign_out, methods=["DELETE"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            scope[PRINCIPAL_KEY] = admit(self.access.door, scope)
            await self.router(scope, receive, send)
        except HuiyanError as error:
            headers = {name.decode(): value.decode() for name, value in headers_of(error)}
            await Response(body_of(error, "r"), status_of(error), headers)(scope, receive, send)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        path, _, query = path.partition("?")
        sent = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope: Scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("192.168.1.7", 4711),
        }
        messages: list[Message] = []

        async def receive() -> Message:
            data = b"" if body is None else json.dumps(body).encode()
            return {"type": "http.request", "body": data, "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        await self(scope, receive, send)
        found = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        return Answer(messages[0]["status"], found, b"".join(m.get("body", b"") for m in messages[1:]))


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    access = Access(AccessOptions.model_validate({}), host="0.0.0.0", port=8000, state_dir=tmp_path)
    access.start()
    await access.loaded()
    with contextlib.ExitStack():
        yield App(access)
    await access.close()


async def key_of(app: App, *scopes: str) -> tuple[str, str]:
    """(id, Authorization) of a new key."""
    issued, secret = await app.access.on_database(lambda db: issue_key(db, name="n", scopes=scopes))
    await app.access.reload()
    return issued.id, f"Bearer {secret}"


async def test_only_administrators(app: App) -> None:
    _, chat = await key_of(app, "chat", "tools")
    for method, path in (
        ("GET", "/api/admin/keys"),
        ("POST", "/api/admin/keys"),
        ("PATCH", "/api/admin/keys/x"),
        ("DELETE", "/api/admin/keys/x"),
        ("GET", "/api/admin/usage"),
    ):
        assert (await app.ask(method, path, {"name": "x"})).status == 401
        assert (await app.ask(method, path, {"name": "x"}, authorization=chat)).status == 403
    assert len(app.access.ring._by_id) == 1


async def test_a_routes_own_check_holds_when_the_edge_is_forgotten(app: App) -> None:
    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    with pytest.raises(HuiyanError):
        await AdminRoutes(app.access).list_keys(Request(scope))


async def test_a_keys_life(app: App) -> None:
    own_id, admin = await key_of(app, "admin")
    made = await app.ask(
        "POST",
        "/api/admin/keys",
        {"name": "店铺", "scopes": ["chat", "tools"], "expires_in_s": 3600, "requests_per_min": 5},
        authorization=admin,
    )
    assert made.status == 201
    assert made.headers["cache-control"] == "no-store"
    secret, key = made.json()["secret"], made.json()["key"]
    assert key["requests_per_min"] == 5
    assert key["expires_unix_s"] - key["created_unix_s"] == 3600
    who = await app.ask("GET", "/api/session", authorization=f"Bearer {secret}")
    assert who.json()["name"] == "店铺"
    assert who.json()["scopes"] == ["chat", "tools"]

    listed = await app.ask("GET", "/api/admin/keys", authorization=admin)
    assert {entry["id"] for entry in listed.json()["keys"]} == {own_id, key["id"]}
    assert secret.encode() not in listed.body
    assert b"digest" not in listed.body

    changed = await app.ask(
        "PATCH",
        f"/api/admin/keys/{key['id']}",
        {"scopes": ["chat"], "requests_per_min": None, "expires_in_s": None, "priority": 3},
        authorization=admin,
    )
    assert changed.status == 200
    assert (changed.json()["scopes"], changed.json()["requests_per_min"]) == (["chat"], None)
    assert (changed.json()["expires_unix_s"], changed.json()["priority"]) == (None, 3)
    assert changed.json()["name"] == "店铺"

    for _ in range(2):
        gone = await app.ask("DELETE", f"/api/admin/keys/{key['id']}", authorization=admin)
        assert gone.status == 204
    assert not (await app.ask("GET", "/api/session", authorization=f"Bearer {secret}")).json()["signed_in"]
    states = [
        entry["state"]
        for entry in (await app.ask("GET", "/api/admin/keys", authorization=admin)).json()["keys"]
    ]
    assert sorted(states) == ["active", "revoked"]


async def test_an_administrator_does_not_lock_themselves_out(app: App) -> None:
    own_id, admin = await key_of(app, "admin", "chat")
    assert (await app.ask("DELETE", f"/api/admin/keys/{own_id}", authorization=admin)).status == 403
    answer = await app.ask("PATCH", f"/api/admin/keys/{own_id}", {"scopes": ["chat"]}, authorization=admin)
    assert answer.status == 403
    assert (await app.ask("GET", "/api/admin/keys", authorization=admin)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["god"]},
        {"name": "x", "requests_per_min": 0},
        {"name": "x", "requests_per_min": -1},
        {"name": "x", "bytes_per_day": 2**60},
        {"name": "x", "priority": 11},
        {"name": "x", "expires_in_s": 0},
        {"name": "x", "unknown": 1},
        [],
        "x",
    ],
)
async def test_bad_bodies_are_400(app: App, body: Any) -> None:
    own_id, admin = await key_of(app, "admin")
    assert (await app.ask("POST", "/api/admin/keys", body, authorization=admin)).status == 400
    if body != {}:
        path = f"/api/admin/keys/{own_id}"
        assert (await app.ask("PATCH", path, body, authorization=admin)).status == 400


async def test_unknown_keys_are_404(app: App) -> None:
    _, admin = await key_of(app, "admin")
    for method in ("PATCH", "DELETE"):
        answer = await app.ask(method, "/api/admin/keys/nosuch", {"name": "x"}, authorization=admin)
        assert answer.status == 404
        assert answer.json()["error"]["hint"]


async def test_usage_is_up_to_date(app: App) -> None:
    own_id, admin = await key_of(app, "admin")
    principal = app.access.ring.by_id(own_id)
    assert principal is not None
    app.access.usage.finished(record(principal))
    app.access.usage.finished(record())
    report = (await app.ask("GET", "/api/admin/usage?days=1", authorization=admin)).json()
    assert {(entry["key_id"], entry["name"]) for entry in report["usage"]} == {
        (own_id, "n"),
        ("local", "local"),
    }
    assert all(entry["prompt_tokens"] == 10 for entry in report["usage"])
    only = (await app.ask("GET", f"/api/admin/usage?key={own_id}", authorization=admin)).json()
    assert [entry["key_id"] for entry in only["usage"]] == [own_id]
    for days in ("0", "-1", "x", "99999", "1" * 5000, "²"):
        assert (await app.ask("GET", f"/api/admin/usage?days={days}", authorization=admin)).status == 400


async def test_signing_in_and_out(app: App) -> None:
    _, bearer = await key_of(app, "admin", "chat")
    origin = f"http://{HOST}"
    assert (await app.ask("GET", "/api/session")).json() == {
        "signed_in": False,
        "id": "",
        "name": "",
        "scopes": [],
        "csrf": "",
        "expires_unix_s": None,
    }
    body = {"key": f" {bearer.removeprefix('Bearer ')} "}
    signed_in = await app.ask("POST", "/api/session", body, origin=origin)
    assert signed_in.status == 201
    cookie = signed_in.headers["set-cookie"].partition(";")[0]
    assert "HttpOnly; SameSite=Strict" in signed_in.headers["set-cookie"]
    assert bearer.rpartition("-")[2] not in signed_in.headers["set-cookie"]
    csrf = signed_in.json()["csrf"]
    shown = await app.ask("GET", "/api/session", cookie=cookie)
    assert shown.json() == signed_in.json()
    assert (await app.ask("GET", "/api/admin/keys", cookie=cookie)).status == 200
    assert (await app.ask("POST", "/api/admin/keys", {"name": "x"}, cookie=cookie)).status == 403
    made = await app.ask("POST", "/api/admin/keys", {"name": "x"}, cookie=cookie, x_huiyan_csrf=csrf)
    assert made.status == 201

    assert (await app.ask("DELETE", "/api/session", cookie=cookie, origin=origin)).status == 403
    out = await app.ask("DELETE", "/api/session", cookie=cookie, origin=origin, x_huiyan_csrf=csrf)
    assert out.status == 204
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert (await app.ask("GET", "/api/admin/keys", cookie=cookie)).status == 401
    assert not (await app.ask("GET", "/api/session", cookie=cookie)).json()["signed_in"]
    # Another browser's session with the same key goes on.
    again = await app.ask("POST", "/api/session", body)
    assert (
        await app.ask("GET", "/api/session", cookie=again.headers["set-cookie"].partition(";")[0])
    ).json()["signed_in"]
    assert (await app.ask("DELETE", "/api/session")).status == 204


async def test_signing_in_from_another_page_or_with_a_wrong_key(app: App) -> None:
    _, bearer = await key_of(app, "chat")
    body = {"key": bearer.removeprefix("Bearer ")}
    assert (await app.ask("POST", "/api/session", body, origin="http://evil.example")).status == 403
    wrong = await app.ask("POST", "/api/session", {"key": "hy-wrong-密钥"})
    assert wrong.status == 401
    assert "set-cookie" not in wrong.headers
    assert (await app.ask("POST", "/api/session", {"key": "x" * 5000})).status in (400, 413)
