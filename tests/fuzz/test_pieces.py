"""The functions on the hot path with whatever Hypothesis thinks of: bytes, headers, JSON, events."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from huiyan.engines.status import ModelCard
from huiyan.errors import HuiyanError, RequestError
from huiyan.gateway import admission, headers, sse
from huiyan.gateway.errors import body_of, headers_of, status_of
from huiyan.gateway.guard import is_loopback
from huiyan.gateway.relay import error_from

CARD = ModelCard(id="fake", name="fake", context_tokens=4096)


def _between_events(data: bytes) -> bool:
    """By the WHATWG's reading: every line is ended, and the last one is empty."""
    text = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return not text or text.endswith(b"\n\n") or text == b"\n"


@given(
    pieces=st.lists(
        st.one_of(
            st.sampled_from(
                [b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"data: {}\n\n", b"data", b": ping\n\n"]
            ),
            st.binary(max_size=6),
        ),
        max_size=12,
    )
)
@example(pieces=[b"data: x\r", b"\n\r", b"\n"])
@example(pieces=[b"data: x\n", b"\n"])
@example(pieces=[b"", b"data"])
def test_boundary_never_says_clean_within_an_event(pieces: list[bytes]) -> None:
    """An error event that is sent where it says clean is read by itself, however the bytes were split."""
    boundary, at_once = sse.Boundary(), sse.Boundary()
    for piece in pieces:
        boundary.feed(piece)
    at_once.feed(b"".join(pieces))
    assert boundary.clean == at_once.clean
    if boundary.clean:
        assert _between_events(b"".join(pieces))


@given(events=st.lists(st.binary(max_size=20).filter(lambda data: not {10, 13} & set(data)), max_size=5))
def test_boundary_is_clean_after_whole_events(events: list[bytes]) -> None:
    boundary = sse.Boundary()
    for event in events:
        boundary.feed(sse.event(event))
    assert boundary.clean


@given(value=st.binary(max_size=250))
def test_names_from_clients_are_taken_only_if_harmless(value: bytes) -> None:
    """They go into headers, logs and addresses: no line break, no quote, no escape sequence."""
    request_id = headers.valid_request_id(value)
    assert request_id is None or re.fullmatch(r"[A-Za-z0-9._-]{1,64}", request_id)
    key = headers.valid_idempotency_key(value)
    assert key is None or (key.encode() == value and 1 <= len(key) <= 200 and key.isprintable())


@given(
    names=st.lists(st.from_regex(r"\A[a-zA-Z0-9-]{1,20}\Z"), max_size=6),
    chosen=st.lists(
        st.sampled_from(["transfer-encoding", "content-length", "set-cookie", "connection"]), max_size=4
    ),
)
def test_engines_framing_and_cookies_are_never_relayed(names: list[str], chosen: list[str]) -> None:
    given_headers = [(name.lower().encode(), b"1") for name in [*names, *chosen]]
    kept = {name for name, _ in headers.relayed(given_headers)}
    assert not kept & {b"transfer-encoding", b"content-length", b"set-cookie", b"connection"}
    assert not any(name.startswith(b"access-control-") for name in kept)


@given(
    host=st.one_of(st.text(max_size=30), st.ip_addresses().map(str), st.sampled_from(["localhost", "127.1"]))
)
@example(host="127.0.0.1.example.com")
@example(host="localhost.example.com")
@example(host="0.0.0.0")
@example(host="::ffff:127.0.0.1")
def test_only_this_machine_is_local(host: str) -> None:
    if is_loopback(host):
        name = host.lower().rstrip(".")
        assert (
            name == "localhost"
            or name.endswith(".localhost")
            or ipaddress.ip_address(name.strip("[]")).is_loopback
        )


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "audio"]) | _JSON},
    optional={
        "text": st.text(max_size=8) | _JSON,
        "image_url": st.fixed_dictionaries({"url": st.text(max_size=40) | _JSON}) | _JSON,
    },
)
_MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool"]) | _JSON},
    optional={"content": st.text(max_size=8) | st.lists(_PART | _JSON, max_size=4) | _JSON},
)
_REQUEST = st.fixed_dictionaries(
    {"messages": st.lists(_MESSAGE | _JSON, max_size=4) | _JSON},
    optional={
        "model": st.just("fake") | _JSON,
        "stream": _JSON,
        "n": st.integers() | _JSON,
        "max_tokens": _JSON,
        "prompt": _JSON,
    },
)


@given(
    body=st.one_of(_REQUEST.map(msgspec.json.encode), st.binary(max_size=100), _JSON.map(msgspec.json.encode))
)
def test_any_body_is_admitted_or_refused_in_our_words(body: bytes) -> None:
    """Nothing but a RequestError comes out, and it can be told to the client."""
    for admit in (_admit_chat, _admit_completion):
        error = _refusal(admit, body)
        if error is not None:
            assert 400 <= status_of(error) < 500
            told = msgspec.json.decode(body_of(error, "id"))["error"]
            assert told["message"]
            assert told["hint"]


def _refusal(admit: Callable[[bytes], Any], body: bytes) -> RequestError | None:
    try:
        admit(body)
    except RequestError as error:
        return error
    return None


def _admit_chat(body: bytes) -> Any:
    return admission.admit_chat(body, CARD, max_images=9)


def _admit_completion(body: bytes) -> Any:
    return admission.admit_completion(body, CARD)


@given(
    status=st.integers(400, 599),
    body=st.one_of(
        st.binary(max_size=100),
        _JSON.map(msgspec.json.encode),
        st.fixed_dictionaries({"error": _JSON}).map(msgspec.json.encode),
    ),
)
def test_any_error_of_an_engine_becomes_one_of_ours(status: int, body: bytes) -> None:
    error: HuiyanError = error_from(status, body)
    assert (status_of(error) == status) or status in (401, 403) or status >= 500
    assert msgspec.json.decode(body_of(error, "id"))["error"]["message"]
    assert all(value.isdigit() for _, value in headers_of(error))


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deep_json_ends_in_a_refusal(depth: int) -> None:
    with pytest.raises(RequestError):
        _admit_chat(b'{"messages":' + b"[" * depth)
