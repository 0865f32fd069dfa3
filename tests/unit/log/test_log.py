"""huiyan.log: what a line holds, and what it must never hold."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from huiyan import log


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    level, raising = root.level, logging.raiseExceptions
    text = io.StringIO()
    handler = log.configure("gateway", text)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)
    logging.raiseExceptions = raising


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_is_one_json_line_with_its_fields(stream: io.StringIO) -> None:
    log.get_logger("huiyan.x").info("served %s\nand more", "页面", extra={"status": 200, "took_s": 0.25})
    (line,) = lines(stream)
    assert line["message"] == "served 页面\nand more"
    assert (line["level"], line["source"], line["logger"]) == ("info", "gateway", "huiyan.x")
    assert (line["status"], line["took_s"]) == (200, 0.25)
    assert "request_id" not in line


def test_the_request_id_of_the_context_is_on_the_line(stream: io.StringIO) -> None:
    token = log.request_id.set("req_1")
    try:
        log.get_logger("huiyan.x").warning("slow")
    finally:
        log.request_id.reset(token)
    assert lines(stream)[0]["request_id"] == "req_1"


def test_a_call_may_name_its_request_itself(stream: io.StringIO) -> None:
    log.get_logger("huiyan.x").info("late", extra={"request_id": "req_2"})
    assert lines(stream)[0]["request_id"] == "req_2"


def test_an_exception_is_kept_and_redacted(stream: io.StringIO) -> None:
    try:
        raise ValueError("Authorization: Bearer sk-abcdef0123456789abcdef")
    except ValueError:
        log.get_logger("huiyan.x").exception("failed")
    (line,) = lines(stream)
    assert "ValueError" in line["exception"]
    assert "abcdef0123456789" not in line["exception"]


def test_configuring_twice_writes_each_record_once(stream: io.StringIO) -> None:
    second = io.StringIO()
    handler = log.configure("gateway", second)
    log.get_logger("huiyan.x").info("once")
    logging.getLogger().removeHandler(handler)
    assert len(lines(second)) == 1
    assert lines(stream) == []


SECRET = "Zx9-secretsecret_0123"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization: bearer {SECRET}",
        f'{{"api_key": "{SECRET}"}}',
        f"api_keys=['{SECRET}']",
        f"--api-key={SECRET}",
        f"GET /?api_key={SECRET}&x=1",
        f"Cookie: {SECRET}",
        f"cookie: a=1; huiyan_session={SECRET}",
        f"token sk-{SECRET}",
        f"data:image/png;base64,{SECRET}AAAA",
        f"data:image/png;name=a.png;base64,{SECRET}AAAA",
        rf"data:image\/png;base64,{SECRET}",
        f"data:image/svg+xml,%3Csvg%3E{SECRET}",
        f"key_hy-{SECRET}",
        f"x-huiyan-csrf: {SECRET}",
        "iVBORw0KGgo" * 30 + SECRET,
    ],
)
def test_secrets_are_cut_out(text: str) -> None:
    assert SECRET not in log.redact(text)
    assert log.MASK in log.redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=512 granted",
        "the key of the answer: 42",
        "data:image is not given",
        "tokens: 12, 13",
        "sha256:" + "0123456789abcdef" * 4,
        "/opt/data/" + "folder/" * 20 + "file.gguf",
        "图里写了什么？",
    ],
)
def test_harmless_text_is_left_alone(text: str) -> None:
    assert log.redact(text) == text


def test_secret_fields_are_masked_at_any_depth(stream: io.StringIO) -> None:
    log.get_logger("huiyan.x").info(
        "boot",
        extra={"api_key": SECRET, "endpoint": {"api_key": SECRET, "port": 1}, "many": [f"Bearer {SECRET}"]},
    )
    assert SECRET not in stream.getvalue()
    assert lines(stream)[0]["endpoint"] == {"api_key": log.MASK, "port": 1}


def test_timestamp_is_utc_with_milliseconds() -> None:
    assert log.timestamp(1769846400.123) == "2026-01-31T08:00:00.123Z"
