"""What is asked about a product card, and the copy that is written for it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from nano.canvas import Box, Canvas
from nano.turns import Answered, boxes_json, full_stop, question, relative_box, to_json
from nano.vocabulary import COLOR_NAMES, ICON_NAMES, Language, Product


@dataclass(frozen=True)
class Card:
    """lines: as written, from top to bottom. picture_color: None if there is no picture."""

    product: Product
    name: str
    price: str
    specification: str
    lines: list[str]
    name_box: Box
    price_box: Box
    picture_color: str | None


def card_answers(rng: Random, language: Language, card: Card, canvas: Canvas) -> list[Answered]:
    """All questions; copy comes as a long text, a slogan and (in Chinese) in the style of Xiaohongshu."""
    zh, stop = language == "zh", full_stop(language)
    keys = ("商品名称", "价格", "规格") if zh else ("name", "price", "spec")
    as_json = to_json(dict(zip(keys, (card.name, card.price, card.specification), strict=True)))
    long, short, chatty = _copy(card, language)
    out = [Answered("card_json", question(rng, "cjson", language), as_json)] * 3
    out += [Answered("copy", question(rng, "copy", language), long)] * 2
    out.append(Answered("copy", question(rng, "slogan", language), short))
    if zh:
        out.append(Answered("copy", question(rng, "redbook", language), chatty))
    out.append(Answered("price", question(rng, "price", language), card.price + stop))
    out.append(Answered("name", question(rng, "pname", language), card.name + stop))
    out.append(Answered("spec", question(rng, "spec", language), card.specification + stop))
    out.append(Answered("ocr", question(rng, "ocr", language), "\n".join(card.lines)))
    if card.picture_color is not None:
        asked = question(rng, "picture", language)
        out.append(Answered("picture", asked, _thing(card, card.picture_color, language)))
    which, box = rng.choice(
        [
            ("价格" if zh else "price", card.price_box),
            ("商品名称" if zh else "product name", card.name_box),
        ]
    )
    asked = question(rng, "ground", language, x=which)
    out.append(Answered("ground_text", asked, boxes_json([(relative_box(canvas, box), which)])))
    out.append(Answered("describe", question(rng, "describe", language), _description(card, language)))
    return out


def _copy(card: Card, language: Language) -> tuple[str, str, str]:
    """(long, short, in the style of Xiaohongshu; in English the last is the first)."""
    name, price, specification = card.name, card.price, card.specification
    if language == "zh":
        sell = card.product["sell"]
        return (
            f"{name}，{sell}。{specification}，现在只要{price}，喜欢就带回家吧！",
            f"{name}，{sell}，只要{price}！",
            f"姐妹们看过来！我发现了一款{name}，{sell}。{specification}，到手价{price}，真的很值！#好物推荐",
        )
    sell = card.product["sell_en"]
    long = f"Meet the {name}: {sell}. {specification}. Yours now for just {price}!"
    return long, f"{name}: {sell}, only {price}!", long


def _thing(card: Card, color: str, language: Language) -> str:
    """红色的杯子。 A red cup."""
    icon = ICON_NAMES[language][card.product["icon"]]
    if language == "zh":
        return f"{COLOR_NAMES[color]}的{icon}。"
    return f"A {color} {icon}.".replace("A orange", "An orange")


def _description(card: Card, language: Language) -> str:
    icon, color = ICON_NAMES[language][card.product["icon"]], card.picture_color
    if language == "zh":
        text = f"这是一张商品卡片：{card.name}，{card.specification}，价格{card.price}。"
        return text if color is None else text + f"配图是{COLOR_NAMES[color]}的{icon}。"
    text = f"This is a product card: {card.name}, {card.specification}, price {card.price}."
    return text if color is None else text + f" The picture shows a {color} {icon}."
