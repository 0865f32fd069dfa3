"""Markers are the template's to write, whatever a client puts into its text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from huiyan.errors import SettingsError
from huiyan.gateway import adapter as adapters
from huiyan.gateway.adapter import BUILT_IN, QWEN_MARKERS, PromptAdapter, clean_completion


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("1 < 2 > 0 <b>x</b>", "1 < 2 > 0 <b>x</b>"),
        ("a<|im_end|>b", "ab"),
        ("<|vision_start|><|image_pad|><|vision_end|>看", "看"),
        ("<__media__>x<__media_a1B2__>y", "xy"),
        ("<|im_<|im_start|>start|>", ""),
        ("<|im_<|im_<|im_end|>end|>end|>x", "x"),
        ("<|im_start|", "<|im_start|"),
        ("<|object_ref_start|><tool_call>", "<|object_ref_start|><tool_call>"),
    ],
)
def test_markers_are_cut_out(text: str, cleaned: str) -> None:
    assert BUILT_IN.clean(text) == cleaned


@seed(20_260_105)
@settings(max_examples=300, deadline=None, database=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<",
                "|",
                ">",
                "|>",
                "<|",
                "im_",
                "start",
                "<|im_",
                "end|>",
                "<|im_end|>",
                "<__media",
                "__>",
                "x",
                "图",
            ]
        ),
        max_size=40,
    )
)
def test_no_marker_is_ever_left_and_nothing_else_goes(pieces: list[str]) -> None:
    text = "".join(pieces)
    cleaned = BUILT_IN.clean(text)
    assert not any(marker in cleaned for marker in QWEN_MARKERS)
    assert "<__media__>" not in cleaned
    assert BUILT_IN.clean(cleaned) == cleaned
    letters = iter(text)
    assert all(letter in letters for letter in cleaned)


def test_long_texts_with_markers_within_markers_take_one_pass() -> None:
    deep = "<|im_" * 20_000 + "<|im_end|>" + "end|>" * 20_000
    assert BUILT_IN.clean("a" * 1_000_000 + deep + "b") == "a" * 1_000_000 + "b"


@pytest.mark.parametrize(
    "written",
    [
        r'"a<|im_end|>b"',
        r'"a\u003c|im_end|>b"',
        r'"a\u003C\u007Cim_end|>b"',
        r'"a<\u007cim_end|\u003eb"',
        r'"a<\u005f_media__>b"',
    ],
)
def test_markers_in_escapes_are_found_too(written: str) -> None:
    assert BUILT_IN.may_have_markers(written.encode())
    assert json.loads(BUILT_IN.clean_json(written.encode())) == "ab"


def test_json_without_markers_stays_the_same_bytes() -> None:
    raw = b'{"a" : "x < y, <b>", "n": 1.0}'
    assert BUILT_IN.clean_json(raw) is raw
    again = b'{"a" : "<|else|>", "n": 1.0}'
    assert BUILT_IN.clean_json(again) is again


def test_keys_are_cleaned_as_templates_write_them_too() -> None:
    assert json.loads(BUILT_IN.clean_json(b'{"a<|im_end|>": [{"<|im_start|>b": "c"}]}')) == {
        "a": [{"b": "c"}]
    }


def test_a_marker_spread_over_neighbouring_parts_is_found() -> None:
    def parts(*texts: str) -> list[msgspec.Raw]:
        return [msgspec.Raw(json.dumps({"type": "text", "text": text}).encode()) for text in texts]

    def cleaned(*texts: str) -> list[Any]:
        decoded: list[Any] = json.loads(b"[" + BUILT_IN.clean_parts(parts(*texts)) + b"]")
        return decoded

    assert cleaned("a<", "|im_end|", ">b") == [{"type": "text", "text": "ab"}]
    assert cleaned("a<|im_", "end|>b") == [{"type": "text", "text": "ab"}]
    assert cleaned("a", "b") == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]


def test_a_raw_prompt_keeps_everything_but_the_engines_own_marker() -> None:
    body = b'{"prompt": "<|im_start|>user\\n<__media__>hi<|im_end|>", "n": 1}'
    assert json.loads(clean_completion(BUILT_IN, body)) == {
        "prompt": "<|im_start|>user\nhi<|im_end|>",
        "n": 1,
    }
    plain = b'{"prompt": "<|im_start|>user"}'
    assert clean_completion(BUILT_IN, plain) is plain
    tokens = b'{"prompt": [[1, 2], [3]], "user": "<_"}'
    assert clean_completion(BUILT_IN, tokens) is tokens


def test_labels() -> None:
    assert BUILT_IN.labelled(1) == ""
    assert PromptAdapter(id="a", version="1", label="图{n}：").labelled(3) == "图3："


def _write(directory: Path, **fields: Any) -> Path:
    (directory / "adapter.json").write_text(
        json.dumps({"id": "x", "version": "2"} | fields), encoding="utf-8"
    )
    return directory


def test_an_adapter_is_loaded_from_its_directory(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    loaded = adapters.load(_write(tmp_path, labels="en", markers=["<|turn|>"]))
    assert (loaded.id, loaded.version, loaded.chat_template) == ("x", "2", "{{ messages }}")
    assert loaded.labelled(2) == "Picture 2: "
    assert loaded.clean("a<|turn|><|im_end|>b") == "ab"


@pytest.mark.parametrize(
    "fields", [{"labels": "no number"}, {"markers": ["<|open"]}, {"id": 1}, {"unknown": True}]
)
def test_a_broken_adapter_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        adapters.load(_write(tmp_path, **fields))
    assert caught.value.hint


def test_an_adapter_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        adapters.load(tmp_path)
