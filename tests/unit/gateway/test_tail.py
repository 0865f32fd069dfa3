"""Counts at the end of real bodies of both engines, however they are split on the way."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from huiyan.gateway.tail import Usage, UsageTail
from huiyan.testing import openai_bodies as bodies

DATA = Path(__file__).parents[2] / "data" / "engine_answers"


def pieces(body: bytes, seed: int, largest: int) -> list[bytes]:
    random_ = random.Random(seed)
    found = []
    while body:
        size = random_.randint(1, largest)
        found.append(body[:size])
        body = body[size:]
    return found


def tail(body: bytes, *, stream: bool, seed: int = 0, largest: int = 300) -> UsageTail:
    reader = UsageTail(stream=stream)
    for piece in pieces(body, seed, largest):
        reader.feed(piece)
    return reader


@pytest.mark.parametrize("largest", [1, 7, 300, 100_000])
@pytest.mark.parametrize(
    ("name", "stream", "used"),
    [
        ("llama_cpp_chat.json", False, Usage(219, 28, True)),
        ("llama_cpp_chat_stream.txt", True, Usage(219, 28, True)),
        ("llama_cpp_chat_stream_usage.txt", True, Usage(219, 28, True)),
        ("llama_cpp_completion.json", False, Usage(1, 8, True)),
        ("llama_cpp_completion_stream.txt", True, Usage(1, 8, True)),
    ],
)
def test_llama_cpps_answers(name: str, stream: bool, used: Usage, largest: int) -> None:
    assert tail((DATA / name).read_bytes(), stream=stream, largest=largest).usage() == used


VLLM_LAST = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":1234,"total_tokens":1300,"completion_tokens":66,"prompt_tokens_details":'
    b'{"cached_tokens":1200}}}\n\ndata: [DONE]\n\n'
)
VLLM_BODY = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"%s"},"logprobs":null,"finish_reason":"stop"}],"service_tier":null,'
    b'"system_fingerprint":null,"usage":{"prompt_tokens":9,"total_tokens":12,"completion_tokens":3,'
    b'"prompt_tokens_details":null},"prompt_logprobs":null,"prompt_token_ids":null,"kv_transfer_params":null}'
)


def test_vllms_answers() -> None:
    continuous = (
        b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}'
    )
    without = b'data: {"choices":[{"delta":{"content":"a"}}],"usage":null}\n\n'
    for before in (continuous + b"\n\n", without):
        assert tail(before * 200 + VLLM_LAST, stream=True).usage() == Usage(1234, 66, True)
    assert tail(VLLM_BODY % (b"x" * 20_000), stream=False).usage() == Usage(9, 3, True)


def test_an_answer_cannot_pretend() -> None:
    said = rb'"usage":{"prompt_tokens":999999,"completion_tokens":999999}'.replace(b'"', b'\\"')
    assert tail(VLLM_BODY % said, stream=False).usage() == Usage(9, 3, True)
    chunk = b'data: {"choices":[{"delta":{"content":"' + said + b'"}}]}\n\n'
    assert tail(chunk, stream=True).usage().exact is False


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("seed", range(5))
def test_events_are_counted_where_nothing_is_said(line_end: bytes, seed: int) -> None:
    answer = bodies.Bodies("fake", chat=True)
    text = "图里写着九块九。" * 200
    chunks = [*answer.first(), *answer.contents(text, 1), *answer.last("stop", None)]
    events = [b"data: " + msgspec.json.encode(chunk) for chunk in chunks] + [b"data: [DONE]"]
    body = b"".join(event + line_end * 2 for event in events)
    reader = tail(body, stream=True, seed=seed, largest=700)
    assert reader.usage() == Usage(0, len(text), False)
    assert reader.events == len(events)
    assert reader.usage() == Usage(0, len(text), False), "asking twice changes nothing"


def test_a_cut_answer_counts_what_came() -> None:
    answer = bodies.Bodies("fake", chat=True)
    chunks = [*answer.first(), *answer.contents("abc", 1)]
    body = b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks)
    assert tail(body, stream=True).usage() == Usage(0, 3, False)


def test_nothing_was_said() -> None:
    assert UsageTail(stream=True).usage() == Usage(0, 0, False)
    assert tail(b'{"error":{"message":"no"}}', stream=False).usage() == Usage(0, 0, False)


def test_only_the_end_is_kept() -> None:
    reader = UsageTail(stream=True)
    for _ in range(100):
        reader.feed(b"x" * 60_000)
    for _ in range(1000):
        reader.feed(b"y" * 20)
    assert sum(map(len, reader._parts)) <= 8192
