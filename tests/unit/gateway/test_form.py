"""Both forms of a chat request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from huiyan.errors import EmptyPromptError, InvalidFormError, RequestError
from huiyan.gateway.form import FormReader, form_of
from huiyan.gateway.multipart import FormLimits, Part


def text(name: str, value: str) -> Part:
    return Part(name, None, "", value.encode())


def file(name: str, data: bytes = b"data") -> Part:
    return Part(name, "a.jpg", "image/jpeg", data)


def request_of(*parts: Part) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(form_of(list(parts)).request)
    return decoded


def test_the_short_form_becomes_a_chat_request_with_pictures_in_their_order() -> None:
    form = form_of(
        [
            text("prompt", "这些是什么？"),
            text("model", "123"),
            file("image", b"one"),
            text("image", "sha256:" + "a" * 64),
            file("image", b"two"),
            text("max_tokens", "200"),
            text("stream", "true"),
            text("temperature", "0.5"),
            text("response_format", '{"type": "json_object"}'),
            text("stop", "5"),
            text("detail", "low"),
            text("system", "Be brief."),
        ]
    )
    assert [part.data for part in form.files.values()] == [b"one", b"two"]
    names = list(form.files)
    assert json.loads(form.request) == {
        "model": "123",
        "max_tokens": 200,
        "stream": True,
        "temperature": 0.5,
        "response_format": {"type": "json_object"},
        "stop": "5",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": f"attachment://{names[0]}", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "sha256:" + "a" * 64, "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": f"attachment://{names[1]}", "detail": "low"}},
                    {"type": "text", "text": "这些是什么？"},
                ],
            },
        ],
    }


def test_a_prompt_alone_and_a_picture_alone_are_enough() -> None:
    assert request_of(text("prompt", "hi"))["messages"][0]["content"] == [{"type": "text", "text": "hi"}]
    assert len(request_of(file("image"))["messages"][0]["content"]) == 1


def test_the_whole_form_is_passed_on_byte_for_byte() -> None:
    request = b'{"messages": [ ]}'
    form = form_of([file("cat"), Part("request", "request.json", "application/json", request), file("dog")])
    assert form.request is request
    assert list(form.files) == ["cat", "dog"]


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([], EmptyPromptError),
        ([text("prompt", "  ")], EmptyPromptError),
        ([text("temperature", "1")], EmptyPromptError),
        ([text("prompt", "a"), text("prompt", "b")], InvalidFormError),
        ([text("prompt", "a"), text("model", "b"), text("model", "c")], InvalidFormError),
        ([text("prompt", "a"), text("messages", "[]")], InvalidFormError),
        ([text("prompt", "a"), text("detail", "huge")], InvalidFormError),
        ([file("avatar")], InvalidFormError),
        ([Part("image", None, "", b"\xff\xd8")], InvalidFormError),
        ([text("request", "{}"), text("prompt", "a")], InvalidFormError),
        ([text("request", "{}"), text("request", "{}")], InvalidFormError),
        ([text("request", "{}"), file("a"), file("a")], InvalidFormError),
    ],
)
def test_forms_that_say_too_little_or_too_much(parts: list[Part], error: type[RequestError]) -> None:
    with pytest.raises(error) as caught:
        form_of(parts)
    assert caught.value.hint


def test_the_fingerprint_is_the_questions_own() -> None:
    def body(boundary: bytes, picture: bytes) -> bytes:
        head = b'Content-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        return b"--" + boundary + b"\r\n" + head + picture + b"\r\n--" + boundary + b"--"

    def fingerprint(boundary: bytes, picture: bytes) -> bytes:
        reader = FormReader(b"multipart/form-data; boundary=" + boundary, FormLimits())
        reader.feed(body(boundary, picture))
        return reader.finish().fingerprint

    assert fingerprint(b"one", b"x") == fingerprint(b"two", b"x")
    assert fingerprint(b"one", b"x") != fingerprint(b"one", b"y")
