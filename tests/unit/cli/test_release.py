"""`huiyan release make`: a feed from two directories of a model, and from an adapter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from huiyan.cli.app import app
from huiyan.updates.feed import parse
from tests.support import safetensors

MODEL = "Qwen/Qwen3-VL-2B-Instruct"
TEMPLATE = (
    "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}"
    "{% if c.type == 'image_url' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}"
    "{{ c.text }}{% endif %}"
    "{% endfor %}{% endif %}{% endfor %}"
)


def _run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["release", "make", *words])
    return result.exit_code, result.stdout


def _model(directory: Path, vision: bytes) -> Path:
    tensors = {"model.visual.a": vision, "lm_head.weight": b"2" * 64}
    files = {"model.safetensors": safetensors.encode(tensors), **safetensors.companions()}
    return safetensors.write(directory, files)


def test_a_vision_encoder(tmp_path: Path) -> None:
    old, new = _model(tmp_path / "old", b"1" * 64), _model(tmp_path / "new", b"3" * 64)
    feed = tmp_path / "feed"
    words = ["vision-encoder", str(old), str(new), "--model", MODEL, "--version", "2026.11.1"]
    code, out = _run(*words, "--out", str(feed), "--json")
    assert (code, json.loads(out)["files"]) == (0, ["model.safetensors"])
    (component,) = parse((feed / "components.toml").read_bytes()).component
    assert component.base is not None
    assert component.base.model == MODEL
    assert set(component.base.configs) == {
        "config.json",
        "preprocessor_config.json",
        "video_preprocessor_config.json",
    }
    code, out = _run(*words, "--out", str(feed), "--lang", "zh")
    assert code == 3, "a version is made once"
    code, out = _run(*words[:-1], "2026.11.2", "--out", str(feed), "--lang", "zh")
    assert code == 0
    assert "vision-encoder 2026.11.2" in out
    assert len(parse((feed / "components.toml").read_bytes()).component) == 2


def test_a_prompt_adapter_whose_template_passes(tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    (adapter / "golden").mkdir(parents=True)
    (adapter / "adapter.json").write_text('{"id": "shop", "version": "3", "labels": "zh"}')
    (adapter / "chat_template.jinja").write_text(TEMPLATE)
    golden = {"messages": [{"role": "user", "content": "标题"}], "rendered": "标题"}
    (adapter / "golden" / "one.json").write_text(json.dumps(golden))
    words = ["prompt-adapter", str(adapter), "--version", "3", "--out", str(tmp_path / "feed")]
    code, _ = _run(*words)
    assert code == 0
    (component,) = parse((tmp_path / "feed" / "components.toml").read_bytes()).component
    assert [file.path for file in component.files] == [
        "adapter.json",
        "chat_template.jinja",
        "golden/one.json",
    ]


@pytest.mark.parametrize("fault", ["template", "golden", "adapter"])
def test_a_prompt_adapter_that_fails_is_no_release(tmp_path: Path, fault: str) -> None:
    adapter = tmp_path / "adapter"
    (adapter / "golden").mkdir(parents=True)
    (adapter / "adapter.json").write_text('{"id": "shop", "version": "3"}')
    (adapter / "chat_template.jinja").write_text(TEMPLATE)
    if fault == "template":
        (adapter / "chat_template.jinja").write_text(TEMPLATE.replace("<|image_pad|>", ""))
    elif fault == "golden":
        golden = {"messages": [{"role": "user", "content": "标题"}], "rendered": "别的"}
        (adapter / "golden" / "one.json").write_text(json.dumps(golden))
    else:
        (adapter / "adapter.json").unlink()
    code, _ = _run("prompt-adapter", str(adapter), "--version", "3", "--out", str(tmp_path / "feed"))
    assert code == 1
    assert not (tmp_path / "feed" / "components.toml").exists()
