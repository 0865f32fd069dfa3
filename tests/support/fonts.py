"""Chinese fonts of this machine, found by fontconfig or at the places where distributions put them."""

from __future__ import annotations

import functools
import subprocess
from dataclasses import dataclass
from pathlib import Path

from PIL import ImageFont

#: (family, file, face index within the collection). Sans and serif, thin enough to be natural print.
_CANDIDATES = (
    ("WenQuanYi Zen Hei", "truetype/wqy/wqy-zenhei.ttc", 0),
    ("WenQuanYi Micro Hei", "truetype/wqy/wqy-microhei.ttc", 0),
    ("Noto Sans CJK SC", "opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("Noto Serif CJK SC", "opentype/noto/NotoSerifCJK-Regular.ttc", 2),
    ("AR PL UMing CN", "truetype/arphic/uming.ttc", 0),
    ("Droid Sans Fallback", "truetype/droid/DroidSansFallbackFull.ttf", 0),
)


@dataclass(frozen=True)
class Font:
    family: str
    path: Path
    index: int

    def at(self, size_px: int) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(self.path, size_px, index=self.index)


def _from_fontconfig() -> dict[str, Font]:
    """Families that cover simplified Chinese, regular weight. Empty without `fc-list`."""
    command = ["fc-list", ":lang=zh-cn", "--format", "%{file}|%{index}|%{family[0]}|%{style[0]}\n"]
    try:
        listing = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    found: dict[str, Font] = {}
    for line in sorted(listing.splitlines()):
        path, index, family, style = line.split("|")
        if style in {"Regular", "Book", "Medium"}:
            # Bits above 16 number the instance of a variable font, which Pillow does not take.
            found.setdefault(family, Font(family, Path(path), int(index) & 0xFFFF))
    return found


@functools.cache
def chinese_fonts() -> tuple[Font, ...]:
    """The candidates that are installed, in their order; any other Chinese font if there are none."""
    listed = _from_fontconfig()
    fonts = []
    for family, relative, index in _CANDIDATES:
        path = Path("/usr/share/fonts") / relative
        if family in listed:
            fonts.append(listed[family])
        elif path.is_file():
            fonts.append(Font(family, path, index))
    return tuple(filter(_draws_prices, fonts)) or tuple(filter(_draws_prices, listed.values()))


def _draws_prices(font: Font) -> bool:
    """Droid Sans Fallback has no digits: where it is meant for what other fonts lack, it draws boxes."""
    loaded = font.at(24)
    box = bytes(loaded.getmask("\uffff"))
    return all(bytes(loaded.getmask(char)) != box for char in "0123456789¥")
