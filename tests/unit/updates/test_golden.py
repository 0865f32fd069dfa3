"""A prompt adapter's template is tried on conversations before anybody is served with it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from huiyan.errors import UpdateError
from huiyan.updates import golden
from huiyan.updates.golden import Golden

_PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
TEMPLATE = (
    "{%- for m in messages -%}<|im_start|>{{ m.role + '\\n' }}"
    "{%- if m.content is string -%}{{ m.content }}{%- else -%}{%- for c in m.content -%}"
    "{%- if c.type == 'image_url' -%}" + _PICTURE + "{%- else -%}{{ c.text }}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}<|im_end|>\n{% endfor -%}"
    "{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
)
OWN = Golden(
    name="shop",
    messages=[{"role": "user", "content": "标题？"}],
    rendered="<|im_start|>user\n标题？<|im_end|>\n<|im_start|>assistant\n",
)


def test_a_good_template_passes_and_renders_what_it_says() -> None:
    golden.check(TEMPLATE, [OWN])
    (text,) = golden.render(TEMPLATE, [golden.OURS[1]])
    assert text.count("<|image_pad|>") == 2
    assert text.startswith("<|im_start|>system\nAnswer briefly.<|im_end|>")


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (TEMPLATE.replace(_PICTURE, ""), "0 picture markers for 2"),
        (TEMPLATE.replace(_PICTURE, _PICTURE * 2), "4 picture markers for 2"),
        (TEMPLATE.replace("{{ m.content }}", ""), "golden conversation|leaves out"),
        (TEMPLATE + "!", "golden conversation 'shop'"),
        ("{% for %}", "TemplateSyntaxError"),
        ("{{ raise_exception('no system message') }}", "no system message"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "SecurityError"),
        ("{{ messages.append(1) }}", "SecurityError"),
        (
            "{% for a in range(90000) %}{% for b in range(90000) %}{% set c = b %}{% endfor %}{% endfor %}",
            "too much time|too long",
        ),
        ("{% set x = 'a' * 4000000000 %}{{ x }}", "MemoryError|too much"),
    ],
)
def test_a_bad_template_is_refused(template: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "_TIMEOUT_S", 3.0)
    with pytest.raises(UpdateError, match=says):
        golden.check(template, [OWN])


def test_a_change_is_shown_as_a_difference() -> None:
    newer = TEMPLATE.replace("assistant\n", "assistant\nSure: ")
    changes = golden.compare(TEMPLATE, newer, [OWN])
    assert len(changes) == len(golden.OURS) + 1
    assert "+Sure: " in changes[-1].diff
    assert all(change.diff == "" for change in golden.compare(TEMPLATE, TEMPLATE, [OWN]))


def test_conversations_are_read_from_the_adapter(tmp_path: Path) -> None:
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "one.json").write_bytes(msgspec.json.encode(OWN))
    (found,) = golden.read(tmp_path)
    assert found == OWN
    (tmp_path / "golden" / "two.json").write_text("[]")
    with pytest.raises(UpdateError, match=r"two\.json"):
        golden.read(tmp_path)
