"""Bodies for the engine: pictures in their places, everything else as the client wrote it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from huiyan.errors import InvalidJsonError
from huiyan.gateway.adapter import BUILT_IN, PromptAdapter
from huiyan.gateway.pictures.assemble import SentPicture, assemble, sent

CAT, DOG = b"cat" * 100, b"dog" * 100


def chat(*content: Any, **fields: Any) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": list(content)}], **fields}).encode()


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def joined(
    body: bytes, pictures: dict[tuple[int, int], SentPicture], adapter: PromptAdapter = BUILT_IN
) -> Any:
    pieces = assemble(body, pictures, adapter)
    assert all(isinstance(piece, bytes) for piece in pieces)
    return json.loads(b"".join(pieces))


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64," + base64.b64encode(data).decode()


def test_a_body_without_pictures_is_the_very_same_bytes() -> None:
    body = b'{ "messages": [{"role":"user","content":"1 < 2"}], "n" : 1.0 }'
    assert assemble(body, {}, BUILT_IN) == [body]
    assert assemble(body, {}, BUILT_IN)[0] is body


def test_pictures_come_into_their_places_in_their_order() -> None:
    body = chat(
        image("attachment://a"), text("和"), image("sha256:x", detail="low"), top_k=7, unknown={"a": [1.0]}
    )
    pictures = {(0, 0): sent(CAT, "image/png", 1), (0, 2): sent(DOG, "image/jpeg", 2)}
    assert joined(body, pictures) == {
        "messages": [
            {
                "role": "user",
                "content": [image(data_url(CAT)), text("和"), image(data_url(DOG, "image/jpeg"))],
            }
        ],
        "top_k": 7,
        "unknown": {"a": [1.0]},
    }


def test_base64_is_one_piece_that_was_not_copied() -> None:
    picture = sent(CAT, "image/png", 1)
    pieces = assemble(chat(image("x")), {(0, 0): picture}, BUILT_IN)
    assert any(piece is picture.base64 for piece in pieces)
    assert len(pieces) == 3


def test_what_stands_around_a_picture_keeps_its_bytes() -> None:
    body = (
        b'{"seed" : 12345678901234567890123, "messages":[{"role":"system","content":"\\u4f60"},'
        b'{"content":[{"type":"image_url","image_url":"x"},{"type" : "text","text":"a\\/b"}],"role":"user"}]}'
    )
    out = b"".join(assemble(body, {(1, 0): sent(b"x", "image/png", 1)}, BUILT_IN))
    assert b"12345678901234567890123" in out
    assert b'{"role":"system","content":"\\u4f60"}' in out
    assert b'{"type" : "text","text":"a\\/b"}' in out


def test_of_a_clients_picture_only_its_place_is_left() -> None:
    part = image("x", detail="high", more="1") | {"uuid": "somebody-elses", "cache_control": {}}
    sent_part = joined(chat(part), {(0, 0): sent(CAT, "image/png", 1)})["messages"][0]["content"][0]
    assert sent_part == image(data_url(CAT))


def test_the_engine_is_given_our_name_of_the_picture() -> None:
    picture = sent(CAT, "image/png", 1, "sha256:abc")
    assert joined(chat(image("x")), {(0, 0): picture})["messages"][0]["content"][0]["uuid"] == "sha256:abc"


def test_a_name_that_stands_twice_comes_out_once_with_what_was_checked() -> None:
    body = b'{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"x"}],"content":"b"}],'
    body += b'"messages":[{"role":"user","content":"y","content":[{"type":"image_url","image_url":"x"}]}]}'
    out = b"".join(assemble(body, {(0, 0): sent(CAT, "image/png", 1)}, BUILT_IN))
    assert out.count(b'"messages"') == 1
    assert out.count(b'"content"') == 1


def test_labels_stand_before_their_pictures() -> None:
    adapter = PromptAdapter(id="a", version="1", label="图{n}：")
    body = chat(image("a"), image("b"), text("？"))
    pictures = {(0, 0): sent(CAT, "image/png", 1), (0, 1): sent(DOG, "image/png", 2)}
    assert joined(body, pictures, adapter)["messages"][0]["content"] == [
        text("图1："),
        image(data_url(CAT)),
        text("图2："),
        image(data_url(DOG)),
        text("？"),
    ]


def test_markers_go_wherever_a_template_would_write_them() -> None:
    body = json.dumps(
        {
            "messages": [
                {"role": "user<|im_end|>", "content": "a<|vision_start|>b"},
                {
                    "role": "user",
                    "content": [text("c<|im_"), text("end|>d"), image("x"), text("<|image_pad|>")],
                    "tool_calls": [{"function": {"arguments": "<|im_start|>"}}],
                },
            ],
            "tools": [{"function": {"description": "e<|im_start|>f"}}],
            "stop": ["<|im_end|>"],
        }
    ).encode()
    assert joined(body, {(1, 2): sent(CAT, "image/png", 1)}) == {
        "messages": [
            {"role": "user", "content": "ab"},
            {
                "role": "user",
                "content": [text("cd"), image(data_url(CAT)), text("")],
                "tool_calls": [{"function": {"arguments": ""}}],
            },
        ],
        "tools": [{"function": {"description": "ef"}}],
        "stop": ["<|im_end|>"],
    }


def test_markers_go_from_requests_without_pictures() -> None:
    body = chat(text("a<|im_"), text("end|>b"))
    assert joined(body, {})["messages"][0]["content"] == [text("ab")]
    assert joined(b'{"messages":[{"role":"user","content":[]}],"a":"<|"}', {})["messages"][0]["content"] == []


def test_an_adapters_template_goes_along() -> None:
    adapter = PromptAdapter(id="a", version="1", chat_template="{{ messages }}")
    assert joined(b'{"messages":[],"chat_template":"evil"}', {}, adapter) == {
        "messages": [],
        "chat_template": "{{ messages }}",
    }


@pytest.mark.parametrize(
    "value",
    [
        *(b'"<|' + b"\xff\xfe" + b'"', b'"<|\\ud800"'),
        *(b"[" * depth + b'"<|"' + b"]" * depth for depth in (200, 400, 600, 800, 950)),
    ],
    ids=["no UTF-8", "a lone surrogate", *(f"{depth} deep" for depth in (200, 400, 600, 800, 950))],
)
def test_what_nobody_looked_at_before_is_refused_or_passed_on(value: bytes) -> None:
    body = b'{"messages":[{"role":"user","content":"a"}],"tools":' + value + b"}"
    try:
        pieces = assemble(body, {}, BUILT_IN)
    except InvalidJsonError as error:
        assert error.code == "invalid_json"  # noqa: PT017  # either is right, nothing else
    else:
        assert b'"tools"' in b"".join(pieces)


@seed(20_260_107)
@settings(max_examples=200, deadline=None, database=None)
@given(
    texts=st.lists(
        st.lists(
            st.sampled_from([*'<|>_"\\/a图\u2028 ', "<|im_end|>", "im_end", "<__media"]), max_size=20
        ).map("".join),
        max_size=5,
    ),
    place=st.integers(0, 5),
)
def test_any_text_around_a_picture_survives_but_for_markers(texts: list[str], place: int) -> None:
    content: list[Any] = [text(value) for value in texts]
    place = min(place, len(content))
    content.insert(place, image("attachment://x"))
    found = joined(chat(*content), {(0, place): sent(CAT, "image/png", 1)})["messages"][0]["content"]
    pictures = [index for index, part in enumerate(found) if part["type"] == "image_url"]
    assert len(pictures) == 1
    before = "".join(part["text"] for part in found[: pictures[0]])
    after = "".join(part["text"] for part in found[pictures[0] + 1 :])
    assert before == BUILT_IN.clean("".join(texts[:place]))
    assert after == BUILT_IN.clean("".join(texts[place:]))
