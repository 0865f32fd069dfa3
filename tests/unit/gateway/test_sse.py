from hypothesis import given
from hypothesis import strategies as st

from huiyan.gateway import sse


def test_an_event_with_a_name() -> None:
    assert sse.event(b'{"a":1}', name="engine") == b'event: engine\ndata: {"a":1}\n\n'


def test_an_event_without_a_name() -> None:
    assert sse.event(b"[DONE]") == b"data: [DONE]\n\n"


@given(st.lists(st.integers(0, 40)), st.sampled_from([b"\n\n", b"\r\n\r\n"]))
def test_the_boundary_is_seen_however_the_bytes_are_split(cuts: list[int], blank: bytes) -> None:
    whole = b"data: one" + blank + b"data: two" + blank
    boundary = sse.Boundary()
    position = 0
    for cut in sorted(set(cuts)):
        boundary.feed(whole[position:cut])
        position = max(position, cut)
    boundary.feed(whole[position:])
    assert boundary.clean
    boundary.feed(b"data: three")
    assert not boundary.clean


def test_nothing_sent_yet_is_a_boundary() -> None:
    assert sse.Boundary().clean
