import pytest

from huiyan.gateway import headers as http


def test_nothing_hop_by_hop_and_nothing_about_other_origins_is_passed_on() -> None:
    engine = [
        (b"content-type", b"text/event-stream"),
        (b"connection", b"keep-alive"),
        (b"transfer-encoding", b"chunked"),
        (b"access-control-allow-origin", b"*"),
        (b"server", b"llama.cpp"),
        (b"set-cookie", b"a=b"),
        (b"x-extra", b"kept"),
    ]
    assert http.relayed(engine) == [(b"content-type", b"text/event-stream"), (b"x-extra", b"kept")]


def test_a_head_is_one_status_line_headers_and_a_blank_line() -> None:
    lines = http.head(413, [(b"a", b"b")], [(b"c", b"d")]).split(b"\r\n")
    security = [b"%b: %b" % header for header in http.SECURITY]
    assert lines[1:] == [b"a: b", b"c: d", *security, b"", b""]
    assert http.head(413).startswith(b"HTTP/1.1 413 ")
    assert http.status_line(599) == b"HTTP/1.1 599 \r\n"


@pytest.mark.parametrize("value", [b"abc-123_X.y", b"a" * 64])
def test_harmless_request_ids_are_taken(value: bytes) -> None:
    assert http.valid_request_id(value) == value.decode()


@pytest.mark.parametrize("value", [None, b"", b"a" * 65, b"a b", b"a\nb", b'"', "图".encode()])
def test_other_request_ids_are_replaced(value: bytes | None) -> None:
    assert http.valid_request_id(value) is None


@pytest.mark.parametrize("value", [b"", b"a" * 201, b"a b", "图".encode()])
def test_bad_idempotency_keys_are_refused(value: bytes) -> None:
    assert http.valid_idempotency_key(value) is None
