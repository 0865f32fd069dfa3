"""Small assets, so that drawing needs neither Debian's fonts nor word lists."""

from __future__ import annotations

import pytest
from PIL import ImageFont

from nano.assets import Assets


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    """Pillow's own font for everything; Chinese comes out as boxes, in the right places."""
    folder = tmp_path_factory.mktemp("assets")
    (folder / "fonts").mkdir()
    builtin = ImageFont.load_default(20)
    assert isinstance(builtin, ImageFont.FreeTypeFont)
    for name in ("cjk-builtin.ttf", "lat-builtin.ttf"):
        (folder / "fonts" / name).write_bytes(builtin.font_bytes)
    (folder / "zh.txt").write_text("图片\n文字\n价格\n数量", encoding="utf-8")
    (folder / "en.txt").write_text("picture\ntext\nprice\namount", encoding="utf-8")
    return Assets(folder)
