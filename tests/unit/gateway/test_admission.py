"""Requests as clients send them, good and bad."""

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from huiyan import errors as e
from huiyan.engines.status import EngineState, EngineStatus, ModelCard
from huiyan.gateway.admission import admit_chat, admit_completion, check_engine

CARD = ModelCard(id="nano", name="nano", context_tokens=4096, max_images=3)


def _chat(*messages: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"messages": list(messages), **fields}).encode()


def _user(*content: Any) -> dict[str, Any]:
    return {
        "role": "user",
        "content": content[0] if content and isinstance(content[0], str) else list(content),
    }


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _picture(kind: str = "PNG", media_type: str = "image/png") -> str:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, kind)
    return f"data:{media_type};base64," + base64.b64encode(out.getvalue()).decode()


def _image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def test_a_text_request_is_passed_on_byte_for_byte() -> None:
    body = _chat(_user("你好"), model="nano", temperature=0.3, unknown={"kept": [1, 2]})
    admitted = admit_chat(body, CARD, max_images=9)
    assert admitted.body == body
    assert not admitted.stream
    assert not admitted.images


def test_pictures_are_found_where_they_stand() -> None:
    url = _picture()
    body = _chat(
        _user("a"), _user(_text("b"), _image(url), {"type": "image_url", "image_url": url}), stream=True
    )
    admitted = admit_chat(body, CARD, max_images=9)
    assert admitted.stream
    assert [(slot.message, slot.part, slot.number) for slot in admitted.images] == [(1, 1, 1), (1, 2, 2)]
    assert all(slot.url == url for slot in admitted.images)
    assert admitted.text_bytes == len(body) - 2 * len(url)
    assert admitted.text() == "a\nb\n"


def test_the_detail_of_a_picture_is_kept() -> None:
    picture = {"type": "image_url", "image_url": {"url": _picture(), "detail": "low"}}
    assert admit_chat(_chat(_user(picture)), CARD, max_images=9).images[0].detail == "low"


def test_pictures_can_be_let_go_of() -> None:
    admitted = admit_chat(_chat(_user(_image(_picture()), _text("a"))), CARD, max_images=9)
    admitted.drop_pictures()
    assert admitted.images == []
    assert admitted.image_count == 1
    assert "base64" not in repr(admitted.messages)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", e.InvalidJsonError),
        (b"{bad", e.InvalidJsonError),
        (b"[]", e.InvalidJsonError),
        (b'"text"', e.InvalidJsonError),
        (b"\xff\xfe", e.InvalidJsonError),
        (b"{}", e.InvalidJsonError),
        (b'{"messages": "x"}', e.InvalidJsonError),
        (b'{"messages": [1]}', e.InvalidJsonError),
        (b'{"messages": [{"content": "no role"}]}', e.InvalidJsonError),
        (b'{"messages":' + b"[" * 5000 + b"]" * 5000 + b"}", e.InvalidJsonError),
        (b'{"messages": [{"role": "user", "content": "a"}], "stream": "yes"}', e.InvalidJsonError),
        (b'{"messages": []}', e.EmptyPromptError),
        (_chat(_user("")), e.EmptyPromptError),
        (_chat(_user(" \n\t ")), e.EmptyPromptError),
        (_chat(_user(_text(""))), e.EmptyPromptError),
        (_chat({"role": "user", "content": []}), e.EmptyPromptError),
        (_chat({"role": "user"}), e.EmptyPromptError),
        (_chat(_user("a"), model="gpt-4o"), e.ModelNotFoundError),
        (_chat(_user("a"), n=0), e.RequestError),
        (_chat(_user("a"), n=16_384), e.RequestError),
        (_chat(_user(*[_image(_picture())] * 4, _text("a"))), e.PayloadTooLargeError),
        (_chat(_user(_image(""), _text("a"))), e.InvalidImageError),
        (_chat(_user({"type": "image_url"}, _text("a"))), e.InvalidImageError),
    ],
)
def test_bad_requests_are_refused(body: bytes, error: type[e.RequestError]) -> None:
    with pytest.raises(error) as caught:
        admit_chat(body, CARD, max_images=9)
    assert caught.value.message
    assert caught.value.hint


def test_a_picture_alone_and_a_prefix_to_continue_are_no_empty_prompts() -> None:
    admit_chat(_chat(_user(_image(_picture()))), CARD, max_images=9)
    admit_chat(_chat(_user("a"), {"role": "assistant", "content": ""}), CARD, max_images=9)


@pytest.mark.parametrize("prompt", ['""', "[]", "null"])
def test_an_empty_raw_prompt_is_refused(prompt: str) -> None:
    with pytest.raises(e.EmptyPromptError):
        admit_completion(f'{{"prompt": {prompt}}}'.encode(), CARD)


def test_a_raw_prompt_is_passed_on() -> None:
    body = b'{"prompt": "a", "stream": true}'
    assert admit_completion(body, CARD).body == body


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (EngineState.READY, type(None)),
        (EngineState.STARTING, e.EngineStartingError),
        (EngineState.LOADING, e.EngineStartingError),
        (EngineState.WARMING, e.EngineStartingError),
        (EngineState.RESTARTING, e.EngineStartingError),
        (EngineState.FAILED, e.EngineDiedError),
        (EngineState.STOPPED, e.EngineDiedError),
    ],
)
def test_what_is_said_while_the_engine_is_away(state: EngineState, kind: type[object]) -> None:
    assert type(check_engine(EngineStatus(state=state, engine="llama_cpp", model="nano"))) is kind


_LONG = 300_000


@pytest.mark.parametrize(
    "content",
    [
        "x" * _LONG,
        " " * _LONG,
        "\t\n" * _LONG,
        " " * _LONG + "x",
        "\\" * _LONG,
        '"quoted" <|im_start|>' * 20_000,
        "慧眼" * 100_000,
        [{"type": "text", "text": "x" * _LONG}, {"type": "text", "text": "y"}],
        [{"type": "text", "text": " " * _LONG}],
        7,
        {"text": "x" * _LONG},
    ],
)
def test_long_texts_are_admitted_or_refused_like_short_ones(content: Any) -> None:
    """They are not copied out of the body, which nobody may notice."""
    short = content
    if isinstance(content, str):
        short = content[:20] if content.strip() == "" else content[-20:]
    elif isinstance(content, list):
        short = [part | {"text": part["text"][:20]} for part in content]
    elif isinstance(content, dict):
        short = {"text": "x"}

    def outcome(of: Any) -> tuple[str, str | None] | list[str]:
        try:
            admitted = admit_chat(_chat({"role": "user", "content": of}), CARD, max_images=9)
        except e.RequestError as error:
            return error.message, error.param
        assert admitted.text() == "".join(_texts(of)) or "\n" in admitted.text()
        return ["admitted"]

    assert outcome(content) == outcome(short)


def _texts(content: Any) -> list[str]:
    return [content] if isinstance(content, str) else [part["text"] for part in content]


@pytest.mark.parametrize(
    "raw",
    [
        b'"' + b"x" * _LONG + b'\\ud800"',
        b'"' + b"x" * _LONG + b'\\q"',
        b'"' + b"x" * _LONG + b'\n"',
        b'"' + b"x" * _LONG + b'\xff"',
        b'"' + b"x" * _LONG + b'\x01"',
        b'"' + b"x" * _LONG,
    ],
)
def test_a_long_text_that_is_no_text_is_refused(raw: bytes) -> None:
    with pytest.raises(e.InvalidJsonError):
        admit_chat(b'{"messages":[{"role":"user","content":' + raw + b"}]}", CARD, max_images=9)


def test_escapes_in_a_long_text_are_what_they_say() -> None:
    raw = b'"' + b" " * _LONG + b'\\u4f60\\u597d"'
    admitted = admit_chat(b'{"messages":[{"role":"user","content":' + raw + b"}]}", CARD, max_images=9)
    assert admitted.text().strip() == "你好"
    blank = b'"' + b"\\u0020" * _LONG + b'"'
    with pytest.raises(e.EmptyPromptError):
        admit_chat(b'{"messages":[{"role":"user","content":' + blank + b"}]}", CARD, max_images=9)
