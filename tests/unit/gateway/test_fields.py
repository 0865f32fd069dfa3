"""The table of request fields: what the code does, and that both pages say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from huiyan.errors import InvalidJsonError, PayloadTooLargeError, RequestError
from huiyan.gateway import fields
from huiyan.gateway.fields import KnownFields

_DOCS = Path(__file__).parents[3] / "docs" / "reference"


def _known(**given: Any) -> KnownFields:
    body = {"messages": [], **given}
    return msgspec.json.decode(msgspec.json.encode(body), type=KnownFields)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"max_tokens": 1, "stream": True, "temperature": 0.7},
        {"n": 8, "best_of": 8, "top_logprobs": 20, "logprobs": True, "min_tokens": 0},
        {"n": None, "logprobs": 5, "stop": "\n", "logit_bias": {"7": -100}},
        {"stop": ["a"] * 16, "tools": [{}] * 128, "response_format": {"type": "json_object"}},
        {"logit_bias": [[7, -100], ["word", False]]},  # llama.cpp's form
        {"priority": None, "use_beam_search": False},
        {"a_field_of_next_year": {"x": 1}},
    ],
)
def test_what_is_within_bounds_is_taken(given: dict[str, Any]) -> None:
    fields.check(_known(**given))


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("n", 0),
        ("n", 9),
        ("n", 16384),
        ("n", -1),
        ("best_of", 9),
        ("best_of", 0),
        ("max_tokens", 0),
        ("max_tokens", -1),
        ("max_completion_tokens", 0),
        ("max_completion_tokens", -2),
        ("min_tokens", -1),
        ("top_logprobs", 21),
        ("n_probs", 1000),
        ("logprobs", 21),
        ("logprobs", -1),
        ("stop", ["x"] * 17),
        ("stop", "x" * 257),
        ("logit_bias", {str(i): 1 for i in range(1025)}),
        ("tools", [{}] * 129),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(param: str, value: Any) -> None:
    with pytest.raises(RequestError) as caught:
        fields.check(_known(**{param: value}))
    assert caught.value.param == param
    assert caught.value.hint


def test_fewer_tried_than_wanted_is_refused() -> None:
    with pytest.raises(RequestError) as caught:
        fields.check(_known(n=4, best_of=2))
    assert caught.value.param == "best_of"


@pytest.mark.parametrize("name", fields.REFUSED)
@pytest.mark.parametrize("value", [0, 1, True, "x", {"a": 1}, [], ""])
def test_refused_fields_are_refused_whatever_they_hold(name: str, value: Any) -> None:
    with pytest.raises(RequestError) as caught:
        fields.check(_known(**{name: value}))
    assert caught.value.param == name
    assert caught.value.hint


@pytest.mark.parametrize("name", fields._GRAMMARS)
def test_grammars_have_a_size(name: str) -> None:
    fields.check(_known(**{name: "x" * 60_000}))
    with pytest.raises(PayloadTooLargeError):
        fields.check(_known(**{name: "x" * 70_000}))


def test_the_newer_name_of_max_tokens_wins() -> None:
    assert _known(max_tokens=5, max_completion_tokens=9).asked_tokens == 9
    assert _known(max_tokens=5).asked_tokens == 5
    assert _known().asked_tokens is None
    assert _known(n=2, best_of=4).choices == 4
    assert _known().choices == 1


def test_only_text_and_pictures_reach_the_engine() -> None:
    fields.check_part("text", param="p")
    fields.check_part("image_url", param="p")
    for kind in ("video_url", "audio_url", "input_audio", "image_embeds", "file", ""):
        with pytest.raises(RequestError) as caught:
            fields.check_part(kind, param="messages[0].content[1]")
        assert caught.value.param == "messages[0].content[1]"


@pytest.mark.parametrize(
    ("prompt", "count"),
    [(b'"x"', 1), (b"[1,2,3]", 1), (b'["a","b"]', 2), (b"[[1,2],[3]]", 2), (b"[" + b"1," * 500 + b"1]", 1)],
)
def test_prompts_are_counted(prompt: bytes, count: int) -> None:
    assert fields.check_prompt(prompt, 1) == count


def test_too_many_prompts_or_prompts_with_pictures_are_refused() -> None:
    with pytest.raises(RequestError):
        fields.check_prompt(b'["a","b","c"]', 3)
    for prompt in (
        b'{"prompt_string":"x","multimodal_data":["QQ=="]}',
        b'[{"prompt_string":"x"}]',
        b"7",
        b"[1.5]",
    ):
        with pytest.raises(InvalidJsonError):
            fields.check_prompt(prompt, 1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"a": 1}, {"a": 1, "max_tokens": 50}),
        ({"max_tokens": 900}, {"max_tokens": 50}),
        ({"max_completion_tokens": 900}, {"max_completion_tokens": 50}),
        ({"max_tokens": 900, "max_completion_tokens": 70}, {"max_tokens": 50, "max_completion_tokens": 50}),
        ({"max_tokens": 900, "min_tokens": 60}, {"max_tokens": 50, "min_tokens": 50}),
        ({"max_tokens": 900, "min_tokens": None}, {"max_tokens": 50, "min_tokens": None}),
    ],
)
def test_the_granted_number_takes_the_place_of_the_wish(
    body: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert msgspec.json.decode(fields.with_max_tokens(msgspec.json.encode(body), 50)) == expected


def test_everything_else_in_the_body_keeps_its_bytes() -> None:
    messages = b'[{"role":"user","content":"\\u5b57 \\/ 1.0e2"}]'
    out = fields.with_max_tokens(b'{"messages": ' + messages + b', "max_tokens" : 7, "max_tokens": 9}', 5)
    assert messages in out
    assert out.count(b"max_tokens") == 1


@pytest.mark.parametrize(
    ("page", "bounded", "passed", "refused"),
    [
        ("request-fields.md", "bounded", "passed", "refused"),
        ("request-fields.zh-CN.md", "限定", "透传", "拒绝"),
    ],
)
def test_both_pages_are_the_table_that_holds(page: str, bounded: str, passed: str, refused: str) -> None:
    rows: dict[str, str] = {}
    for line in (_DOCS / page).read_text(encoding="utf-8").splitlines():
        row = re.fullmatch(rf"\| (`.+`) \| ({bounded}|{passed}|{refused}) \|.*\|", line)
        if row is not None:
            for name in re.findall(r"`([a-z_]+)`", row[1]):
                assert name not in rows
                rows[name] = row[2]
    assert {name for name, what in rows.items() if what == bounded} == set(fields.BOUNDED)
    assert {name for name, what in rows.items() if what == refused} == set(fields.REFUSED)
    assert set(KnownFields.__struct_fields__) == {*fields.BOUNDED, *fields.REFUSED, "stream"}
    assert rows["stream"] == rows["temperature"] == passed


def test_the_page_and_the_code_name_the_same_fields_of_openais_own_client() -> None:
    """Every parameter of the official SDK stands in the table."""
    from openai.types import completion_create_params
    from openai.types.chat import completion_create_params as chat_create_params

    table = set(re.findall(r"`([a-z_]+)`", (_DOCS / "request-fields.md").read_text(encoding="utf-8")))
    for params in (
        chat_create_params.CompletionCreateParamsBase,
        completion_create_params.CompletionCreateParamsBase,
    ):
        missing = set(params.__annotations__) - table
        assert not missing, missing
