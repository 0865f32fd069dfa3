"""A request's line: what it holds, and what a client cannot bring into it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from huiyan.gateway.access_log import AccessLog
from huiyan.log import MASK


async def line(**fields: Any) -> dict[str, Any]:
    stream = io.StringIO()
    log = AccessLog(stream)
    log.write(
        **{
            "method": "GET",
            "path": "/",
            "status": 200,
            "request_id": "b-1",
            "duration_s": 0.0123,
            "sent_bytes": 7,
            **fields,
        }
    )
    log.flush()
    found: dict[str, Any] = json.loads(stream.getvalue())
    return found


async def test_a_line_holds_method_path_status_id_and_time() -> None:
    found = await line(path="/api/info", note="not_found")
    assert found.pop("ts").endswith("Z")
    assert found == {
        "level": "info",
        "source": "gateway",
        "logger": "huiyan.access",
        "message": "GET /api/info 200",
        "request_id": "b-1",
        "status": 200,
        "duration_ms": 12.3,
        "sent_bytes": 7,
        "note": "not_found",
    }


@pytest.mark.parametrize(
    "kept",
    [
        "/api/images/" + "0123456789abcdef" * 4,
        "/api/answers/0b8f7c1e-97d5-4f60-a3b2-1c2d3e4f5a6b",
        "/assets/index-B7d3xK2a.js",
        "/v1/models/Qwen/Qwen3-VL-8B-Instruct",
    ],
)
async def test_addresses_stay_readable(kept: str) -> None:
    assert (await line(path=kept))["message"] == f"GET {kept} 200"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/hy-k7f3-" + "Zq9" * 12,
        "/iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2j",
        "/" + "0123456789abcdef" * 4 + "AAAA",
        "/x/api_key=Zq9Zq9",
    ],
)
async def test_secrets_and_pictures_in_a_path_are_cut_out(path: str) -> None:
    found = await line(path=path)
    assert MASK in found["message"]
    assert path not in found["message"]


async def test_a_key_as_request_id_is_not_written_down() -> None:
    assert (await line(request_id="hy-k7f3-Zq9Zq9Zq9"))["request_id"] == MASK
