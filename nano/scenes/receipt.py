"""Receipts: a shop, two to five items, and their sum."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from nano.canvas import Box, Canvas, Face
from nano.dice import Dice
from nano.palette import WHITE, Rgb, ink
from nano.scenes.picture import Picture
from nano.scenes.tag import tag_scene
from nano.turns import Answered, boxes_json, full_stop, in_one_language, question, relative_box, to_json
from nano.vocabulary import BRANDS, GOODS, Language

_SMALLEST = 13
_SHOPS: dict[Language, list[str]] = {
    "zh": ["超市", "便利店", "商店", "餐厅", "咖啡", "书店"],
    "en": ["Market", "Store", "Shop", "Cafe", "Books"],
}
_SUMS: dict[Language, list[str]] = {"zh": ["合计", "总计", "应付"], "en": ["Total", "TOTAL", "Sum"]}


@dataclass(frozen=True)
class _Receipt:
    """Prices as they are printed."""

    shop: str
    items: list[tuple[str, str]]
    total: str


def receipt_scene(dice: Dice, width: int, height: int) -> Picture:
    """A price tag instead where the items do not fit."""
    rng = dice.rng
    written: Language = "zh" if rng.random() < 0.6 else "en"
    count = max(1, min(rng.randint(2, 5), int((height - 90) / 30)))
    background = rng.choice([WHITE, (250, 250, 245), (240, 240, 240)])
    color = ink(rng)
    canvas = Canvas(rng, width, height, background)
    face = dice.face(written)
    receipt = _content(rng, written, count)
    size = min(rng.uniform(15, 24), (height - 30) / (count + 4.6) / 1.3)
    if size < _SMALLEST:
        if height >= 256:
            return receipt_scene(dice, max(width, 256), height)
        return tag_scene(dice, width, height)
    total_box = _print(rng, canvas, face, color, receipt, size, written)
    if total_box is None:
        return tag_scene(dice, width, height)

    def answers(language: Language) -> list[Answered]:
        return _answers(rng, language, receipt, total_box, canvas)

    image = canvas.finish()
    return Picture(image, canvas.characters, in_one_language(rng, answers))


def _content(rng: Random, written: Language, count: int) -> _Receipt:
    shop = rng.choice(BRANDS[written]) + ("" if written == "zh" else " ") + rng.choice(_SHOPS[written])
    cents = rng.choice([0, 0, 1])
    items: list[tuple[str, int]] = []
    for _ in range(count):
        noun = rng.choice(GOODS[written])
        name = noun if written == "zh" else noun.capitalize()
        items.append((name, rng.randint(1, 99) * 100 + (rng.randint(0, 99) if cents else 0)))
    decimals = bool(cents) or rng.random() < 0.6

    def printed(amount_cents: int) -> str:
        return f"{amount_cents / 100:.2f}" if decimals else str(amount_cents // 100)

    total = sum(amount for _, amount in items)
    return _Receipt(shop, [(name, printed(amount)) for name, amount in items], printed(total))


def _print(
    rng: Random, canvas: Canvas, face: Face, color: Rgb, receipt: _Receipt, size: float, written: Language
) -> Box | None:
    """Write everything; return the box of the sum, or None if it ran off the paper."""
    width, height = canvas.width, canvas.height
    step = min((height - 30) / (len(receipt.items) + 3.6), size * 1.8)
    y: float = 12
    shop_size = face.fit(receipt.shop, size * 1.3, width - 30)
    shop_x = (width - face.width(receipt.shop, shop_size)) / 2
    canvas.text(shop_x, y, receipt.shop, face, shop_size, color)
    y += step * 1.4
    canvas.line([(12, y - step * 0.25), (width - 12, y - step * 0.25)], fill=color, width=1)
    right = width - 16 if width < 420 or rng.random() < 0.5 else width - 60
    for name, amount in receipt.items:
        canvas.text(16, y, name, face, face.fit(name, size, right - 110), color)
        canvas.text(right - face.width(amount, size), y, amount, face, size, color)
        y += step
    canvas.line([(12, y), (width - 12, y)], fill=color, width=1)
    y += step * 0.3
    canvas.text(16, y, rng.choice(_SUMS[written]), face, size * 1.1, color)
    total_x = right - face.width(receipt.total, size * 1.1)
    total_box = canvas.text(total_x, y, receipt.total, face, size * 1.1, color)
    return None if y > height - size else total_box


def _answers(
    rng: Random, language: Language, receipt: _Receipt, total_box: Box, canvas: Canvas
) -> list[Answered]:
    zh, stop = language == "zh", full_stop(language)
    items, shop, total = receipt.items, receipt.shop, receipt.total
    separator, colon = ("，", "：") if zh else (", ", ": ")
    listed = separator.join(f"{name}{colon}{amount}" for name, amount in items) + stop
    out = [Answered("receipt_total", question(rng, "rtotal", language), total + stop)] * 2
    out += [Answered("receipt_items", question(rng, "ritems", language), listed)] * 2
    out.append(Answered("name", question(rng, "rshop", language), shop + stop))
    out.append(Answered("receipt_json", question(rng, "rjson", language), _as_json(receipt, language)))
    first, first_price = items[0]
    if [name for name, _ in items].count(first) == 1:
        out.append(Answered("cell", question(rng, "ritem", language, x=first), first_price + stop))
    label = "合计金额" if zh else "total"
    asked = question(rng, "ground", language, x=label)
    out.append(Answered("ground_text", asked, boxes_json([(relative_box(canvas, total_box), label)])))
    asked = question(rng, "describe", language)
    n = len(items)
    if zh:
        described = f"这是一张收据，商店是{shop}，共{n}件商品，合计{total}。"
    else:
        described = f"This is a receipt from {shop} with {n} item{'s' if n > 1 else ''}, total {total}."
    out.append(Answered("describe", asked, described))
    return out


def _as_json(receipt: _Receipt, language: Language) -> str:
    if language == "zh":
        items = [{"名称": name, "价格": amount} for name, amount in receipt.items]
        return to_json({"商店": receipt.shop, "商品": items, "合计": receipt.total})
    items = [{"name": name, "price": amount} for name, amount in receipt.items]
    return to_json({"shop": receipt.shop, "items": items, "total": receipt.total})
