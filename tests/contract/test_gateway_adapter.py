"""The prompt adapter is changed between two requests: what runs keeps the old one, what comes has the new."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from huiyan.errors import SettingsError
from huiyan.testing import FakeEngine
from tests.support.gateway import running_gateway


def _adapter(directory: Path, version: str, **fields: Any) -> Path:
    directory.mkdir()
    text = json.dumps({"id": "shop", "version": version, **fields}, ensure_ascii=False)
    (directory / "adapter.json").write_text(text, encoding="utf-8")
    return directory


def _picture() -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "PNG")
    url = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": url}}


async def test_labels_appear_with_the_adapter_and_go_with_it(tmp_path: Path) -> None:
    asked = [_picture(), {"type": "text", "text": "这是什么？"}]
    async with FakeEngine() as engine, running_gateway(engine.endpoint) as gateway:

        async def texts() -> list[str]:
            answer = await gateway.chat(asked)
            assert answer.status == 200
            parts = engine.requests[-1].json()["messages"][0]["content"]
            return [part["text"] for part in parts if part["type"] == "text"]

        async def adapter() -> dict[str, str]:
            info: dict[str, Any] = (await gateway.get("/api/info")).json()
            return dict(info["adapter"])

        assert await texts() == ["这是什么？"]
        assert await adapter() == {"id": "builtin", "version": "1"}

        gateway.app.gateway.use_adapter(_adapter(tmp_path / "a", "2026.11", labels="zh"))
        assert await texts() == ["图1：", "这是什么？"]
        assert await adapter() == {"id": "shop", "version": "2026.11"}

        with pytest.raises(SettingsError, match="labels"):
            gateway.app.gateway.use_adapter(_adapter(tmp_path / "b", "2026.12", labels="wrong"))
        assert await texts() == ["图1：", "这是什么？"], "a broken one changes nothing"

        gateway.app.gateway.use_adapter(None)
        assert await texts() == ["这是什么？"]
