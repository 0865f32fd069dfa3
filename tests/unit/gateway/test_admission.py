"""Requests as clients send them, good and bad."""

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from huiyan import errors as e
from huiyan.engines.status import EngineState, EngineStatus, ModelCard
from huiyan.gateway.admission import admit_chat, admit_completion, check_engine, decode_images
from huiyan.gateway.intake import ImageLimits

CARD = ModelCard(id="nano", name="nano", context_tokens=4096, max_images=3)
LIMITS = ImageLimits(max_bytes=100_000, max_pixels=1_000_000)


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


def test_pictures_that_are_fine_leave_the_body_alone() -> None:
    body = _chat(_user(_image(_picture()), _text("图里写了什么？")), stream=True)
    admitted = admit_chat(body, CARD, max_images=9)
    assert admitted.stream
    assert decode_images(admitted, LIMITS) == body


def test_a_picture_encoded_again_replaces_only_itself() -> None:
    body = _chat(
        {"role": "system", "content": "s", "name": "n"},
        _user(_image(_picture()), _image(_picture("WEBP", "image/webp")), _text("a")),
        top_k=7,
        messages_are="kept",
    )
    sent = json.loads(decode_images(admit_chat(body, CARD, max_images=9), LIMITS))
    original = json.loads(body)
    replaced = sent["messages"][1]["content"][1]["image_url"]["url"]
    assert replaced.startswith("data:image/png;base64,")
    original["messages"][1]["content"][1]["image_url"]["url"] = replaced
    assert sent == original


def test_a_media_type_that_lies_is_put_right() -> None:
    body = _chat(_user(_image(_picture("JPEG", "image/png")), _text("a")))
    sent = json.loads(decode_images(admit_chat(body, CARD, max_images=9), LIMITS))
    assert sent["messages"][0]["content"][0]["image_url"]["url"].startswith("data:image/jpeg;base64,")


def test_a_plain_string_as_image_url_becomes_the_object_that_engines_read() -> None:
    body = _chat(_user({"type": "image_url", "image_url": _picture()}, _text("a")))
    sent = json.loads(decode_images(admit_chat(body, CARD, max_images=9), LIMITS))
    assert sent["messages"][0]["content"][0]["image_url"] == {"url": _picture()}


def test_base64_with_line_breaks_and_without_padding_is_read() -> None:
    head, _, payload = _picture().partition(",")
    wrapped = payload.rstrip("=")[:40] + "\r\n" + payload.rstrip("=")[40:]
    body = _chat(_user(_image(f"{head},{wrapped}"), _text("a")))
    decode_images(admit_chat(body, CARD, max_images=9), LIMITS)


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


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://example.com/a.png", e.ImageUrlRefusedError),
        ("http://169.254.169.254/latest/meta-data", e.ImageUrlRefusedError),
        ("file:///etc/passwd", e.ImageUrlRefusedError),
        ("data:image/png,plain", e.InvalidImageError),
        ("data:image/png;base64", e.InvalidImageError),
        ("data:image/png;base64,!!!!", e.InvalidImageError),
        ("data:image/png;base64,aGVsbG8=", e.InvalidImageError),
        ("data:image/png;base64," + "A" * 400_000, e.PayloadTooLargeError),
    ],
)
def test_bad_pictures_are_refused_with_their_place(url: str, error: type[e.RequestError]) -> None:
    admitted = admit_chat(_chat(_user(_text("a"), _image(url))), CARD, max_images=9)
    with pytest.raises(error) as caught:
        decode_images(admitted, LIMITS)
    assert caught.value.param == "messages[0].content[1]"
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
