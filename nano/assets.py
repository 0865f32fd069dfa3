"""Fonts and word lists that pictures are drawn with; `prepare.py` makes the folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

#: Advances are measured once at this size and scaled.
_MEASURE_PX = 64


class Assets:
    """folder: holds zh.txt and en.txt (one word a line, the commonest first) and fonts/.

    Font files are named cjk-*.ttf (Chinese and Latin) and lat-*.ttf (Latin alone).
    Raises: FileNotFoundError.
    """

    def __init__(self, folder: Path) -> None:
        self.zh_words = _lines(folder / "zh.txt")
        self.en_words = _lines(folder / "en.txt")
        self.cjk_fonts = sorted(str(path) for path in (folder / "fonts").glob("cjk-*"))
        self.latin_fonts = sorted(str(path) for path in (folder / "fonts").glob("lat-*"))
        if not self.cjk_fonts or not self.latin_fonts:
            raise FileNotFoundError(
                f"{folder}/fonts has no cjk-*.ttf or no lat-*.ttf: run `python -m nano.prepare`"
            )
        self._advances: dict[tuple[str, str], float] = {}

    def advance(self, path: str, character: str, size: float) -> float:
        """Width in pixels of one character of the font file `path` at `size` pixels."""
        key = (path, character)
        per_pixel = self._advances.get(key)
        if per_pixel is None:
            per_pixel = self._advances[key] = font(path, _MEASURE_PX).getlength(character) / _MEASURE_PX
        return per_pixel * size


@lru_cache(maxsize=1500)
def font(path: str, size: int) -> ImageFont.FreeTypeFont:
    """The font file at `size` pixels."""
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")
