"""What a model or an engine may write where tool calls are read, as far as Hypothesis thinks of it."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from huiyan.errors import EngineProtocolError
from huiyan.gateway.tool_loop.call import arguments_of
from huiyan.gateway.tool_loop.results import harmless, shortened
from huiyan.gateway.tool_loop.stream import EngineAnswer, Wanted

_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["index", "function", "name", "arguments", "delta", "tool_calls", "content", "x"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(st.text(max_size=40))
def test_arguments_are_an_object_or_an_error(written: str) -> None:
    arguments, error = arguments_of(Wanted("f", written))
    if error is not None:
        assert arguments == {}
    msgspec.json.encode(arguments)


@given(st.lists(_JSON, max_size=6), st.integers(1, 40))
def test_any_chunk_is_read_or_refused(deltas: list[Any], step: int) -> None:
    told: list[Any] = []
    answer = EngineAnswer(told.append)
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas] + deltas
    data = b"".join(b"data: %b\n\n" % msgspec.json.encode(chunk) for chunk in chunks)
    try:
        for start in range(0, len(data), step):
            answer.feed(data[start : start + step])
    except EngineProtocolError:
        pass
    for call in answer.calls:
        assert isinstance(call.name, str)
        assert isinstance(call.arguments, str)
    assert all("tool_calls" not in delta for delta in told)


@given(st.lists(st.sampled_from(["<", "/", "tool_call", "tool_response", ">", "s", "‹", "x"]), max_size=20))
def test_no_text_ends_a_tools_turn(pieces: list[str]) -> None:
    text = harmless("".join(pieces))
    for word in ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"):
        assert word not in text


@given(st.text(max_size=60), st.integers(0, 80))
def test_a_text_is_cut_between_characters(text: str, max_bytes: int) -> None:
    kept, cut = shortened(text, max_bytes)
    kept.encode("utf-8", "surrogatepass")
    assert cut == (len(text.encode("utf-8", "replace")) > max_bytes)
