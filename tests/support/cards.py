"""Product cards drawn from random names and prices, as a shop would print them.

Each card comes from one integer seed, which a failing test prints: `draw_card(seed)` draws the
very same picture again (with the same fonts installed).
"""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from tests.support.fonts import Font, chinese_fonts


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Words of simplified Chinese, all within GB2312 level 1 (`test_cards.py` checks that).
BRANDS = _words(
    "山泉 雅风 宏图 丽人 金禾 同心 银杏 百川 和顺 新月 红叶 "
    "东升 远航 竹林 明珠 田园 长青 白云 南山 天鹅 松果 秋实 "
    "蓝天 福满 安宁 乐家 石桥 碧水 清风 千里"
)
ADJECTIVES = _words(
    "双层 加大 手工 精选 纯棉 透明 折叠 环保 耐用 旅行 办公 厨房 有机 原味 香浓 高级 实木 快干 全自动 可爱"
)
NOUNS = _words(
    "茶壶 饭盒 毛毯 枕头 电风扇 闹钟 剪刀 拖鞋 背包 相框 蜂蜜 "
    "核桃 花生 米粉 酱油 果酱 豆浆机 电饭锅 台历 皮带 口红 面霜 "
    "梳子 镜子 书架 跳绳 哑铃 帐篷 鱼竿 手电筒 蜡烛 砂锅 菜刀 "
    "抹布 垃圾桶 雨衣"
)
SPECS: tuple[Callable[[random.Random], str], ...] = (
    lambda r: f"容量：{r.choice((200, 300, 450, 600, 900))}ml",
    lambda r: f"材质：{r.choice(('不锈钢', '陶瓷', '玻璃', '棉', '竹'))}",
    lambda r: f"颜色：{r.choice(('白色', '黑色', '蓝色', '绿色', '红色'))}",
    lambda r: f"重量：{r.randint(50, 950)}g",
    lambda r: f"产地：{r.choice(('浙江', '广东', '山东', '云南', '四川', '湖南'))}",
    lambda r: f"规格：{r.randint(2, 24)}个装",
)
_PAPERS = ("#ffffff", "#fffdf5", "#f4f8ff", "#f6fff4", "#fff5f5", "#f2f2f2")
_INKS = ("#111111", "#222222", "#202840", "#40261a")
_REDS = ("#d0021b", "#c81e1e", "#b3261e", "#d9480f", "#111111")
_BANDS = ("#dbe7fb", "#d9f0df", "#fbe6d8", "#ece1f7", "#e4e4e4")
_COLOURS = ("#4a7bd0", "#3a9d5d", "#d96b3b", "#8a5fbf", "#2f9c9c", "#c2577f", "#8d7b68")
_SIZES = ((384, 384), (512, 384), (448, 320), (384, 512), (480, 480), (512, 320))


@dataclass(frozen=True)
class Card:
    """`price` is the amount as printed, without its sign: "59.90"."""

    seed: int
    name: str
    price: str
    specs: tuple[str, ...]
    font: Font
    layout: str
    image: Image.Image

    def png(self) -> bytes:
        buffer = io.BytesIO()
        self.image.save(buffer, "PNG")
        return buffer.getvalue()

    def is_read_right(self, answer: str) -> bool:
        """Whether `answer` holds the whole name and exactly this price."""
        text = re.sub(r"\s+", "", answer)
        price = rf"(?<![\d.]){re.escape(self.price)}(?![\d.]*\d)"
        return self.name in text and re.search(price, text) is not None

    def __str__(self) -> str:
        specs = " ".join(self.specs)
        return f"card seed {self.seed}: {self.name} ¥{self.price} {specs} ({self.layout}, {self.font.family})"


class _Pen:
    """Draws lines of text in one font, never wider than asked."""

    def __init__(self, image: Image.Image, font: Font) -> None:
        self.draw = ImageDraw.Draw(image)
        self.font = font

    def line(
        self, x: float, y: float, text: str, size_px: int, fill: str, width_px: float, anchor: str = "la"
    ) -> float:
        """Draw at (x, y), smaller if it is too wide; returns the y below it."""
        while size_px > 16 and self.font.at(size_px).getlength(text) > width_px:
            size_px -= 1
        self.draw.text((x, y), text, font=self.font.at(size_px), fill=fill, anchor=anchor)
        return y + size_px * 1.4


Text = tuple[str, str, tuple[str, ...]]  # name, price with its sign, spec lines
Layout = Callable[[random.Random, _Pen, tuple[int, int], Text], None]


def _header(rng: random.Random, pen: _Pen, size: tuple[int, int], text: Text) -> None:
    """Pale band with the name, price in the middle, specs at the foot.

    Dark print on pale paper: nano was not trained on white print over a coloured band, where it read
    26 of 56 cards.
    """
    (width, height), (name, price, specs) = size, text
    band = round(height * rng.uniform(0.2, 0.26))
    pen.draw.rectangle((0, 0, width, band), fill=rng.choice(_BANDS))
    pen.line(width / 2, band / 2, name, rng.randint(30, 38), rng.choice(_INKS), width - 40, "mm")
    pen.line(width / 2, height * 0.5, price, rng.randint(46, 60), rng.choice(_REDS), width - 60, "mm")
    y = height * 0.7
    for spec in specs:
        y = pen.line(width / 2, y, spec, rng.randint(20, 24), rng.choice(_INKS), width - 60, "ma")


def _photo(rng: random.Random, pen: _Pen, box: tuple[float, float, float, float]) -> None:
    """A packshot's stand-in: a rounded panel with a jar or a parcel on it."""
    left, top, right, bottom = box
    pen.draw.rounded_rectangle(box, 10, fill="#e8ebef")
    colour, w, h = rng.choice(_COLOURS), right - left, bottom - top
    body = (left + w * 0.28, top + h * 0.3, right - w * 0.28, bottom - h * 0.12)
    pen.draw.rounded_rectangle(body, rng.choice((2, 8, 18)), fill=colour)
    pen.draw.rectangle((left + w * 0.36, top + h * 0.16, right - w * 0.36, top + h * 0.3), fill="#5a6270")


def _beside(rng: random.Random, pen: _Pen, size: tuple[int, int], text: Text) -> None:
    """Packshot on the left, lines on the right."""
    (width, height), (name, price, specs) = size, text
    column = width * 0.34
    _photo(rng, pen, (16, height * 0.14, 16 + column, height * 0.86))
    x, ink = column + 36, rng.choice(_INKS)
    room = width - x - 14
    y = pen.line(x, height * 0.16, name, rng.randint(30, 36), ink, room) + 8
    for spec in specs:
        y = pen.line(x, y, spec, rng.randint(20, 24), ink, room)
    pen.line(x, y + 10, price, rng.randint(40, 48), rng.choice(_REDS), room)


def _stacked(rng: random.Random, pen: _Pen, size: tuple[int, int], text: Text) -> None:
    """Framed label: name, rule, price, specs, all from the left edge."""
    (width, height), (name, price, specs) = size, text
    ink = rng.choice(_INKS)
    pen.draw.rectangle((6, 6, width - 7, height - 7), outline="#999999", width=2)
    y = pen.line(28, height * 0.1, name, rng.randint(32, 42), ink, width - 56)
    pen.draw.line((28, y, width - 28, y), fill="#bbbbbb", width=2)
    y = pen.line(28, y + 18, price, rng.randint(44, 58), rng.choice(_REDS), width - 56)
    for spec in specs:
        y = pen.line(28, y + 2, spec, rng.randint(20, 26), ink, width - 56)


LAYOUTS: dict[str, Layout] = {"header": _header, "beside": _beside, "stacked": _stacked}


def draw_card(seed: int, fonts: Sequence[Font] | None = None) -> Card:
    """Draw one card; everything about it follows from `seed` and the fonts (all Chinese ones by default)."""
    rng = random.Random(seed)
    available = tuple(fonts) if fonts is not None else chinese_fonts()
    name = rng.choice(BRANDS) + (rng.choice(ADJECTIVES) if rng.random() < 0.7 else "") + rng.choice(NOUNS)
    price = (
        f"{rng.randint(3, 999)}{rng.choice(('', '.00', '.90', '.50', '.80', f'.{rng.randint(1, 99):02d}'))}"
    )
    specs = tuple(spec(rng) for spec in rng.sample(SPECS, rng.choice((1, 2, 2))))
    layout, size, font = rng.choice(sorted(LAYOUTS)), rng.choice(_SIZES), rng.choice(available)
    image = Image.new("RGB", size, rng.choice(_PAPERS))
    LAYOUTS[layout](rng, _Pen(image, font), size, (name, f"¥{price}", specs))
    return Card(seed, name, price, specs, font, layout, image)


def draw_cards(seed: int, count: int, fonts: Sequence[Font] | None = None) -> list[Card]:
    """`count` cards, the fonts taking turns, so that few cards still show several fonts."""
    available = tuple(fonts) if fonts is not None else chinese_fonts()
    return [draw_card(seed * 1000 + i, [available[i % len(available)]]) for i in range(count)]
