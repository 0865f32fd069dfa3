"""Which scope each route needs; nothing below /api or /v1 is open by an oversight."""

from __future__ import annotations

import pytest

from huiyan.gateway.access.principal import Scope
from huiyan.gateway.access.scopes import scope_of


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/v1/chat/completions", Scope.CHAT),
        ("/v1/models", Scope.CHAT),
        ("/api/info", Scope.CHAT),
        ("/api/events", Scope.CHAT),
        ("/api/images/abc", Scope.CHAT),
        ("/api/answers/abc", Scope.CHAT),
        ("/api/logs", Scope.CHAT),
        ("/api/something-new", Scope.CHAT),
        ("/api", Scope.CHAT),
        ("/api/sessions", Scope.CHAT),
        ("/api/administrators", Scope.CHAT),
        ("/api/tools", Scope.TOOLS),
        ("/api/tools/pdf/parse", Scope.TOOLS),
        ("/api/admin", Scope.ADMIN),
        ("/api/admin/keys", Scope.ADMIN),
        ("/metrics", Scope.ADMIN),
        ("/api/session", None),
        ("/", None),
        ("/chat.html", None),
        ("/assets/x.js", None),
        ("/health", None),
        ("/health/ready", None),
        ("/v1x", None),
        ("/metricsx", None),
    ],
)
def test_scope_of(path: str, scope: Scope | None) -> None:
    assert scope_of(path) is scope
