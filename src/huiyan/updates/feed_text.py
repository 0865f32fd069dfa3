"""The text of a feed: the standard library reads TOML and does not write it. One feed, one text."""

from __future__ import annotations

import json
from collections.abc import Mapping

from huiyan.updates.feed import Component, Feed


def encode(feed: Feed) -> bytes:
    lines = [
        "# Written by huiyan. docs/reference/components.md describes it.",
        f"schema = {feed.schema}",
        f"name = {_string(feed.name)}",
    ]
    for component in feed.component:
        lines += _component(component)
    return ("\n".join(lines) + "\n").encode()


def _component(component: Component) -> list[str]:
    lines = ["", "[[component]]"]
    lines += [
        f"{name} = {_string(getattr(component, name))}" for name in ("name", "kind", "version", "min_huiyan")
    ]
    for name, texts in (("title", component.title), ("notes", component.notes)):
        if texts:
            lines.append(f"{name} = {_inline(texts)}")
    if component.base is not None:
        lines += ["", "[component.base]", f"model = {_string(component.base.model)}"]
        lines.append(f"configs = {_inline(component.base.configs)}")
    if component.tensors is not None:
        lines += ["", "[component.tensors]"]
        lines += [
            f"{name} = {_string(getattr(component.tensors, name))}"
            for name in ("prefix", "lock", "lock_sha256")
        ]
    if component.projector is not None:
        given = component.projector
        lines += ["", "[component.projector]", f"type = {_string(given.type)}"]
        lines += [f"width = {given.width}", f"patch_px = {given.patch_px}"]
        lines.append(f"form_sha256 = {_string(given.form_sha256)}")
    for file in component.files:
        lines += [
            "",
            "[[component.files]]",
            f"path = {_string(file.path)}",
            f"url = {_string(file.url)}",
            f"size_bytes = {file.size_bytes}",
            f"sha256 = {_string(file.sha256)}",
        ]
    return lines


def _inline(table: Mapping[str, str]) -> str:
    return (
        "{ " + ", ".join(f"{_string(key)} = {_string(value)}" for key, value in sorted(table.items())) + " }"
    )


def _string(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, but for the control character that JSON leaves alone."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
