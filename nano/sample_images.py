"""Twelve pictures like those that people bring, with expected answers: drawn here, not by the generator.

    python -m nano.sample_images OUT

They stand in tests/data/sample_images, with the model's own answers beside the expected ones
(`nano.check_samples`).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from nano.scenes.table import to_markdown
from nano.vocabulary import ANSWERED

_BLUE, _RED = "#3478c8", "#c81e1e"


class Sheet:
    """One picture being drawn; `font` for all its text."""

    def __init__(self, width: int, height: int, font: str, background: str = "white") -> None:
        self.image = Image.new("RGB", (width, height), background)
        self.draw = ImageDraw.Draw(self.image)
        self._font = font

    def text(self, x: float, y: float, text: str, size: int, fill: str = "black", anchor: str = "la") -> None:
        font = ImageFont.truetype(self._font, size)
        self.draw.text((x, y), text, font=font, fill=fill, anchor=anchor)


class Samples:
    """Writes pictures to `folder` and collects what is asked about them. zh, en: font files."""

    def __init__(self, folder: Path, zh: str, en: str) -> None:
        self.zh, self.en = zh, en
        self._folder = folder
        self._items: list[dict[str, object]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, sheet: Sheet, *asked: tuple[str, str]) -> None:
        """asked: (question, expected answer)."""
        sheet.image.save(self._folder / f"{name}.png")
        for question, expected in asked:
            self.ask([f"{name}.png"], question, expected)

    def ask(self, images: list[str], question: str, expected: str) -> None:
        self._items.append({"images": images, "question": question, "expected": expected})

    def write(self) -> None:
        text = json.dumps(self._items, ensure_ascii=False, indent=1)
        (self._folder / "expected.json").write_text(text, encoding="utf-8")


def product_cards(samples: Samples) -> None:
    sheet = Sheet(512, 384, samples.zh, "#fffaf0")
    sheet.draw.rounded_rectangle((8, 8, 503, 375), 14, outline="#d8c8a8", width=2, fill="white")
    sheet.draw.arc((150, 120, 215, 220), -90, 90, fill="#404050", width=10)
    sheet.draw.rounded_rectangle((50, 90, 170, 290), 12, fill="#285ad7")
    sheet.draw.rectangle((50, 115, 170, 135), fill="#404050")
    sheet.text(235, 80, "星河轻量保温杯", 34)
    sheet.text(235, 150, "容量：500ml", 24, "#444444")
    sheet.text(235, 190, "材质：不锈钢", 24, "#444444")
    sheet.text(235, 245, "¥59.90", 44, "#d21e28")
    samples.add(
        "01_product_card_zh",
        sheet,
        (
            "提取商品名称、价格和规格，用JSON返回。",
            '{"商品名称": "星河轻量保温杯", "价格": "¥59.90", "规格": "容量：500ml；材质：不锈钢"}',
        ),
        ("价格是多少？", "¥59.90。"),
        (
            "为这个商品写一段营销文案。",
            "星河轻量保温杯，保温保冷，随行随饮。容量：500ml；材质：不锈钢，现在只要¥59.90，喜欢就带回家吧！",
        ),
    )
    sheet = Sheet(512, 320, samples.en)
    sheet.draw.arc((45, 60, 205, 240), 180, 360, fill="#40404a", width=14)
    sheet.draw.rounded_rectangle((30, 140, 75, 230), 12, fill="#28a046")
    sheet.draw.rounded_rectangle((175, 140, 220, 230), 12, fill="#28a046")
    sheet.text(245, 70, "Nova Headphones", 28)
    sheet.text(245, 125, "Color: green", 22)
    sheet.text(245, 160, "Weight: 250 g", 22)
    sheet.text(245, 205, "$79.99", 40, "#d21e28")
    samples.add(
        "02_product_card_en",
        sheet,
        (
            "Extract the product name, price and spec as JSON.",
            '{"name": "Nova Headphones", "price": "$79.99", "spec": "Color: green; Weight: 250 g"}',
        ),
        ("What object is in the picture?", "A green pair of headphones."),
        ("How much is it?", "$79.99."),
    )


def price_tags(samples: Samples) -> None:
    sheet = Sheet(384, 256, samples.zh, "#fff078")
    sheet.draw.rectangle((5, 5, 378, 250), outline=_RED, width=5)
    sheet.text(192, 40, "红富士苹果", 40, anchor="ma")
    sheet.text(192, 105, "¥5.80", 72, _RED, "ma")
    sheet.text(192, 200, "产地：山东", 22, anchor="ma")
    samples.add(
        "03_price_tag_zh",
        sheet,
        ("多少钱？", "¥5.80。"),
        ("读出图中的文字。", "红富士苹果\n¥5.80\n产地：山东"),
    )
    sheet = Sheet(384, 256, samples.en)
    sheet.draw.rectangle((5, 5, 378, 250), outline=_BLUE, width=4)
    sheet.text(192, 45, "Orange Juice", 36, anchor="ma")
    sheet.text(192, 115, "$3.50", 64, _RED, "ma")
    samples.add(
        "04_price_tag_en",
        sheet,
        ("What is the price?", "$3.50."),
        ("Read the text in the image.", "Orange Juice\n$3.50"),
    )


def tables(samples: Samples) -> None:
    rows = [
        ["商品", "单价", "库存"],
        ["苹果", "¥5.80", "120"],
        ["牛奶", "¥3.50", "86"],
        ["面包", "¥7.90", "45"],
    ]
    samples.add(
        "05_table_zh",
        _table(rows, samples.zh),
        ("把表格转成Markdown。", to_markdown(rows)),
        ("牛奶的单价是多少？", "¥3.50"),
    )
    rows = [["Team", "Score", "Grade"], ["Lions", "42", "A"], ["Tigers", "37", "B"], ["Bears", "29", "C"]]
    samples.add(
        "06_table_en",
        _table(rows, samples.en),
        ("Convert the table to Markdown.", to_markdown(rows)),
        ("What is the Score of Tigers?", "37"),
    )


def _table(rows: list[list[str]], font: str) -> Sheet:
    width, height, margin = 480, 256, 20
    sheet = Sheet(width, height, font)
    row_height = (height - 2 * margin) / len(rows)
    column_width = (width - 2 * margin) / len(rows[0])
    sheet.draw.rectangle((margin, margin, width - margin, margin + row_height), fill="#e6ecf5")
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            x, y = margin + column_width * (j + 0.5), margin + row_height * (i + 0.5)
            sheet.text(x, y, cell, 24, anchor="mm")
    for i in range(len(rows) + 1):
        y = margin + row_height * i
        sheet.draw.line((margin, y, width - margin, y), fill="#888888")
    for j in range(len(rows[0]) + 1):
        x = margin + column_width * j
        sheet.draw.line((x, margin, x, height - margin), fill="#888888")
    return sheet


def bar_charts(samples: Samples) -> None:
    bars = {"一季度": 120, "二季度": 185, "三季度": 96, "四季度": 240}
    samples.add(
        "07_bar_chart_zh",
        _chart("季度销量", bars, samples.zh, _BLUE),
        ("读出柱状图的数值。", "一季度：120，二季度：185，三季度：96，四季度：240。"),
        ("哪个最大？", "四季度最大，为240。"),
    )
    bars = {"Jan": 35, "Feb": 48, "Mar": 27, "Apr": 60, "May": 52}
    samples.add(
        "08_bar_chart_en",
        _chart("Monthly Orders", bars, samples.en, "#dc503c"),
        ("Read the values of the bar chart.", "Jan: 35, Feb: 48, Mar: 27, Apr: 60, May: 52."),
        ("Which is the smallest?", "Mar is the smallest, at 27."),
    )


def _chart(title: str, bars: dict[str, int], font: str, color: str) -> Sheet:
    sheet = Sheet(480, 384, font)
    sheet.text(240, 14, title, 26, anchor="ma")
    base, step = 335, 440 / len(bars)
    sheet.draw.line((20, base, 460, base), fill="black", width=2)
    for i, (label, value) in enumerate(bars.items()):
        x, y = 20 + step * (i + 0.5), base - 240 * value / max(bars.values())
        sheet.draw.rectangle((x - step * 0.3, y, x + step * 0.3, base - 1), fill=color)
        sheet.text(x, base + 8, label, 20, anchor="ma")
        sheet.text(x, y - 26, str(value), 20, anchor="ma")
    return sheet


def receipt(samples: Samples) -> None:
    sheet = Sheet(320, 448, samples.zh, "#fafaf5")
    sheet.text(160, 24, "好邻居便利店", 28, anchor="ma")
    sheet.draw.line((14, 72, 306, 72), fill="black")
    items = {"牛奶": "12.50", "面包": "8.00", "鸡蛋": "15.80", "咖啡": "22.00"}
    for i, (name, price) in enumerate(items.items()):
        sheet.text(20, 92 + i * 48, name, 22)
        sheet.text(300, 92 + i * 48, price, 22, anchor="ra")
    sheet.draw.line((14, 290, 306, 290), fill="black")
    sheet.text(20, 310, "合计", 26)
    sheet.text(300, 310, "58.30", 26, anchor="ra")
    samples.add(
        "09_receipt_zh",
        sheet,
        ("合计多少钱？", "58.30。"),
        ("列出收据上的商品和价格。", "牛奶：12.50，面包：8.00，鸡蛋：15.80，咖啡：22.00。"),
    )


def shapes(samples: Samples) -> None:
    sheet = Sheet(448, 320, samples.en)
    sheet.draw.ellipse((40, 60, 140, 160), fill="#dc2828")
    sheet.draw.rectangle((190, 170, 290, 270), fill="#285ad7")
    sheet.draw.polygon([(370, 50), (315, 150), (425, 150)], fill="#28a046")
    samples.add(
        "10_shapes",
        sheet,
        ("描述这张图片。", "图中有3个图形，从左到右依次是：红色圆形、蓝色正方形、绿色三角形。"),
        ("How many shapes are there?", "3."),
        ("What color is the triangle?", "Green."),
        ("定位红色圆形，用JSON输出坐标。", '[{"bbox_2d": [89, 188, 312, 500], "label": "红色圆形"}]'),
    )


def notices(samples: Samples) -> None:
    sheet = Sheet(512, 256, samples.zh, "#f5f5f5")
    sheet.text(40, 40, "会议通知", 40)
    sheet.text(40, 110, "时间：2026-11-25 14:30", 26)
    sheet.text(40, 160, "地点：三楼会议室", 26)
    samples.add(
        "11_notice_zh",
        sheet,
        ("读出图中的文字。", "会议通知\n时间：2026-11-25 14:30\n地点：三楼会议室"),
        ("最后一行写了什么？", "地点：三楼会议室"),
    )
    sheet = Sheet(384, 288, samples.en, "#205030")
    sheet.text(192, 60, "OPEN", 64, "white", "ma")
    sheet.text(192, 160, "Mon - Fri", 34, "white", "ma")
    sheet.text(192, 215, "9:00 - 18:00", 34, "white", "ma")
    samples.add("12_sign_en", sheet, ("What does it say?", "OPEN\nMon - Fri\n9:00 - 18:00"))


def beyond_one_picture(samples: Samples) -> None:
    tags = ["03_price_tag_zh.png", "04_price_tag_en.png"]
    samples.ask(tags, "比较图1和图2。", "图1：红富士苹果，¥5.80；图2：Orange Juice，$3.50。")
    samples.ask([], "你是谁？", ANSWERED["who"]["zh"])
    samples.ask([], "What is the capital of France?", ANSWERED["other"]["en"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--zh-font", default="/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc")
    parser.add_argument("--en-font", default="/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    arguments = parser.parse_args()
    samples = Samples(arguments.out, arguments.zh_font, arguments.en_font)
    for draw in (
        product_cards,
        price_tags,
        tables,
        bar_charts,
        receipt,
        shapes,
        notices,
        beyond_one_picture,
    ):
        draw(samples)
    samples.write()


if __name__ == "__main__":
    main()
