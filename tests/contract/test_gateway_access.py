"""Who may talk to a gateway on loopback, and what it tells browsers about itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.testing import FakeEngine, Reply
from tests.support.gateway import CHAT, RunningGateway, assert_refusal, chat_request, running_gateway
from tests.support.wire import Response

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: One route of each way through the gateway: the hot path, and the rest.
ROUTES = [("POST", CHAT), ("GET", "/api/info"), ("GET", "/v1/models"), ("GET", "/"), ("GET", "/api/events")]


async def _ask(gateway: RunningGateway, method: str, target: str, headers: list[tuple[str, str]]) -> Response:
    """With exactly these headers, Host included or not."""
    async with gateway.wire() as wire:
        body = b'{"messages":[{"role":"user","content":"hi"}]}' if method == "POST" else b""
        sizes = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))] if body else []
        lines = [f"{method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in headers + sizes), "", ""]
        await wire.send("\r\n".join(lines).encode("latin-1") + body)
        return await wire.response()


@pytest.mark.parametrize(("method", "target"), ROUTES)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "192.168.1.7:8000",
        "localhost.evil.example:8000",
        "user@localhost",
        "",
    ],
)
async def test_host_that_is_not_this_machine_is_refused(
    gateway: RunningGateway, engine: FakeEngine, method: str, target: str, host: str
) -> None:
    """DNS rebinding: a name of the attacker's that resolves to 127.0.0.1 brings its own Host."""
    assert_refusal(await _ask(gateway, method, target, [("Host", host)]), 403, "forbidden")
    assert engine.requests == []


@pytest.mark.parametrize(("method", "target"), ROUTES[:2])
async def test_no_host_and_two_hosts_are_refused(
    gateway: RunningGateway, engine: FakeEngine, method: str, target: str
) -> None:
    for hosts in ([], [("Host", "localhost"), ("Host", "evil.example")]):
        response = await _ask(gateway, method, target, list(hosts))
        assert response.status in {400, 403}
    assert engine.requests == []


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.1.2.3"])
async def test_loopback_names_are_served(gateway: RunningGateway, name: str) -> None:
    for method, target in ROUTES[:3]:
        response = await _ask(gateway, method, target, [("Host", f"{name}:{gateway.port}")])
        assert response.status == 200, response.text


@pytest.mark.parametrize(("method", "target"), ROUTES)
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1:1",
        "http://localhost:{port}",
    ],
)
async def test_other_origins_are_refused(
    gateway: RunningGateway, engine: FakeEngine, method: str, target: str, origin: str
) -> None:
    headers = [("Host", f"127.0.0.1:{gateway.port}"), ("Origin", origin.format(port=gateway.port))]
    assert_refusal(await _ask(gateway, method, target, headers), 403, "forbidden")
    assert engine.requests == []


async def test_own_origin_is_served(gateway: RunningGateway) -> None:
    for method, target in ROUTES[:3]:
        for name in ("127.0.0.1", "localhost"):
            authority = f"{name}:{gateway.port}"
            headers = [
                ("Host", authority),
                ("Origin", f"http://{authority}"),
                ("Sec-Fetch-Site", "same-origin"),
            ]
            assert (await _ask(gateway, method, target, headers)).status == 200


async def test_fetch_from_another_site_is_refused_even_without_origin(gateway: RunningGateway) -> None:
    """An <img> or a no-cors GET of another page sends no Origin but says where it comes from."""
    headers = [
        ("Host", f"127.0.0.1:{gateway.port}"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "no-cors"),
    ]
    assert_refusal(await _ask(gateway, "GET", "/api/info", headers), 403, "forbidden")


@pytest.mark.parametrize(("method", "target"), ROUTES)
@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via"]
)
async def test_forwarded_request_needs_a_key(
    gateway: RunningGateway, engine: FakeEngine, method: str, target: str, header: str
) -> None:
    """A reverse proxy on the same host must not make everybody local."""
    headers = [("Host", f"127.0.0.1:{gateway.port}"), (header, "127.0.0.1")]
    assert_refusal(await _ask(gateway, method, target, headers), 401, "invalid_api_key")
    assert engine.requests == []


async def test_no_cors_for_anybody(gateway: RunningGateway, engine: FakeEngine) -> None:
    """The allow list is empty: no answer carries a CORS header, whatever the engine says."""
    own = {"Origin": f"http://127.0.0.1:{gateway.port}"}
    for response in (
        await gateway.chat(headers=own),
        await gateway.chat(headers=own, stream=True),
        await gateway.get("/api/info", own),
        await gateway.get("/health", own),
    ):
        assert response.status == 200
        assert [name for name, _ in response.headers if name.startswith("access-control-")] == []
    async with gateway.wire() as wire:
        preflight = await wire.ask(
            "OPTIONS",
            CHAT,
            own | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"},
        )
    assert preflight.header("access-control-allow-origin") is None


async def test_clients_credentials_stay_here_and_the_engines_key_is_sent(
    gateway: RunningGateway, engine: FakeEngine
) -> None:
    """The engine gets its own key, never what a client sent; no answer shows that key."""
    sent = {"Authorization": "Bearer sk-client", "Cookie": "session=1", "X-Api-Key": "sk-client"}
    response = await gateway.chat(headers=sent)
    assert response.status == 200
    (request,) = engine.completions
    assert request.header("authorization") == f"Bearer {engine.api_key}"
    assert request.header("cookie") is None
    assert "sk-client" not in str(request.headers)
    shown = [
        response,
        await gateway.get("/api/info"),
        await gateway.get("/health"),
        await gateway.get("/v1/models"),
    ]
    for each in shown:
        assert engine.api_key not in each.text + str(each.headers)


async def test_every_answer_has_a_request_id_and_takes_over_a_harmless_one(gateway: RunningGateway) -> None:
    for target in ("/health", "/nothing", "/api/info"):
        assert (await gateway.get(target)).header("x-request-id")
    mine = {"X-Request-Id": "page-42.a_b"}
    for response in (await gateway.chat(headers=mine), await gateway.get("/health", mine)):
        assert response.header("x-request-id") == "page-42.a_b"
    for bad in ("two words", "x" * 65, 'inject"quote', "ünï"):
        assert (await gateway.chat(headers={"X-Request-Id": bad})).header("x-request-id") != bad
    seen = {(await gateway.chat()).header("x-request-id") for _ in range(5)}
    assert len(seen) == 5


@pytest.fixture
def static_dir(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>page</title>", encoding="utf-8")
    (tmp_path / "assets" / "index-abc123.js").write_text("export {}", encoding="utf-8")
    (tmp_path.parent / "secret.txt").write_text("not to be served", encoding="utf-8")
    return tmp_path


def _policy(response: Response) -> dict[str, list[str]]:
    parts = (part.split() for part in (response.header("content-security-policy") or "").split(";"))
    return {part[0]: part[1:] for part in parts if part}


async def test_page_has_a_strict_content_security_policy(engine: FakeEngine, static_dir: Path) -> None:
    async with running_gateway(engine.endpoint, static_dir=static_dir) as gateway:
        for target in ("/", "/chat.html", "/index.html"):
            response = await gateway.get(target)
            assert response.status == 200
            assert (response.header("content-type") or "").startswith("text/html")
            policy = _policy(response)
            assert policy["default-src"] == ["'self'"]
            for directive in ("script-src", "style-src", "connect-src"):
                sources = policy.get(directive, policy["default-src"])
                assert "'unsafe-inline'" not in sources or directive != "script-src"
                assert "'unsafe-eval'" not in sources
                assert not any(source == "*" or source.startswith("http") for source in sources)
            assert policy["object-src"] == ["'none'"]
            assert policy["base-uri"] == ["'none'"]
            assert policy["frame-ancestors"] == ["'none'"]
            assert response.header("x-content-type-options") == "nosniff"
            assert response.header("referrer-policy") in {"no-referrer", "same-origin"}
            assert response.header("cache-control") == "no-cache"


async def test_hashed_assets_are_cached_for_good_and_the_page_revalidates(
    engine: FakeEngine, static_dir: Path
) -> None:
    async with running_gateway(engine.endpoint, static_dir=static_dir) as gateway:
        asset = await gateway.get("/assets/index-abc123.js")
        assert asset.status == 200
        assert "immutable" in (asset.header("cache-control") or "")
        assert asset.header("content-type") == "text/javascript; charset=utf-8"
        page = await gateway.get("/")
        again = await gateway.get("/", {"If-None-Match": page.header("etag") or ""})
        assert (again.status, bytes(again.body)) == (304, b"")


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/../../secret.txt",
        "//etc/passwd",
        "/assets/%00",
        "/v1/nothing",
        "/api/nothing",
        "/.well-known/openid-configuration",
        "/assets/missing.js",
        "/slots",
        "/props",
        "/metrics/x",
        "/tokenize",
    ],
)
async def test_what_is_not_there_is_404_and_never_the_page(
    engine: FakeEngine, static_dir: Path, target: str
) -> None:
    """No file outside the page's directory, no fallback to the page, none of the engine's own routes."""
    async with running_gateway(engine.endpoint, static_dir=static_dir) as gateway:
        assert_refusal(await gateway.get(target), 404, "not_found")
    assert engine.requests == []


async def test_engines_own_headers_do_not_leak(gateway: RunningGateway, engine: FakeEngine) -> None:
    engine.script(Reply(text="x"))
    response = await gateway.post(CHAT, chat_request(stream=True))
    names = {name for name, _ in response.headers}
    assert not names & {"server", "keep-alive"}
    assert (response.header("content-type") or "").startswith("text/event-stream")
