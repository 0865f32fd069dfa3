"""Release feeds for tests, made as `huiyan release make` makes them, and spoilt where a test wants that."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec

from huiyan import nano
from huiyan.updates import feed_text
from huiyan.updates.feed import FEED_NAME, SCHEMA, Component, Feed, FeedFile, parse
from huiyan.updates.release import Wish, make_adapter, make_projector

#: Pictures and texts as Qwen's own template marks them, in the fewest words; {extra} goes before the answer.
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}"
    "{% else %}{% for c in m.content %}{% if c.type == 'text' %}{{ c.text }}{% else %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\nEXTRA{% endif %}"
)


def vision(feed: Path, projector: Path, version: str = "2026.11.1") -> Path:
    make_projector(
        Wish(name="vision-encoder", version=version, model=nano.STORE_ID), nano.MMPROJ_PATH, projector, feed
    )
    return feed


def adapter(
    feed: Path, work: Path, version: str, *, labels: str = "none", template: str | None = None
) -> Path:
    work.mkdir(parents=True)
    (work / "adapter.json").write_text(json.dumps({"id": "shop", "version": version, "labels": labels}))
    if template is not None:
        (work / "chat_template.jinja").write_text(template)
    make_adapter(Wish(name="prompt-adapter", version=version, model=""), work, feed)
    return feed


def script(directory: Path, text: str, name: str = "trial.py") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(text, "utf-8")
    return path


def tool(feed: Path, script: Path, version: str, *, name: str = "tool-trial") -> Path:
    """A tool as one script; nothing makes such a release but a few lines of anybody's."""
    data = script.read_bytes()
    url = f"{name}/{version}/{script.name}"
    (feed / url).parent.mkdir(parents=True, exist_ok=True)
    (feed / url).write_bytes(data)
    file = FeedFile(path=script.name, url=url, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    add(feed, Component(name=name, kind="tool", version=version, files=(file,)))
    return feed


def add(feed: Path, component: Component) -> None:
    feed.mkdir(parents=True, exist_ok=True)
    path = feed / FEED_NAME
    before = parse(path.read_bytes()) if path.exists() else Feed(schema=SCHEMA)
    changed = msgspec.structs.replace(before, component=(*before.component, component))
    path.write_bytes(feed_text.encode(changed))


def spoil(feed: Path, old: str, new: str) -> Path:
    """Another text in the place of one that stands in the feed."""
    path = feed / FEED_NAME
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return feed
