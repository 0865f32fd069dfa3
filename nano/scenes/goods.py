"""Names and specifications of made-up products."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from nano.charset import HANZI
from nano.dice import Dice
from nano.vocabulary import ADJECTIVES, BRANDS, PRODUCTS, Language, Product

_MODEL_LETTERS = "ABCDEFGHKLMNPRSTX"
_MILLILITRES = [250, 350, 500, 750, 800, 1000]


def random_product(dice: Dice, language: Language) -> tuple[Product, str]:
    """(what it is, its name): perhaps a brand, perhaps an adjective, and the noun."""
    rng = dice.rng
    product = rng.choice(PRODUCTS)
    if language == "zh":
        brand = rng.choice(BRANDS["zh"]) if rng.random() < 0.6 else rng.choice(HANZI) + rng.choice(HANZI)
        noun, joint = product["zh"], ""
        adjective_share = 0.6
    else:
        brands, words = BRANDS["en"], dice.assets.en_words
        brand = rng.choice(brands) if rng.random() < 0.6 else rng.choice(words).capitalize()
        noun, joint = product["en"], " "
        adjective_share = 0.5
    shown_brand = brand if rng.random() < 0.75 else ""
    adjective = rng.choice(ADJECTIVES[language]) if rng.random() < adjective_share else ""
    return product, joint.join(part for part in (shown_brand, adjective, noun) if part)


def random_specification(rng: Random, language: Language) -> str:
    """容量：500ml; Capacity: 500 ml."""
    name, value = rng.choice(SPECIFICATIONS[language])
    return f"{name}：{value(rng)}" if language == "zh" else f"{name}: {value(rng)}"


def _one_of(*values: str) -> Callable[[Random], str]:
    return lambda rng: rng.choice(values)


def _model_number(rng: Random) -> str:
    return f"{rng.choice(_MODEL_LETTERS)}{rng.randint(1, 999)}"


SPECIFICATIONS: dict[Language, list[tuple[str, Callable[[Random], str]]]] = {
    "zh": [
        ("容量", lambda rng: f"{rng.choice(_MILLILITRES)}ml"),
        ("规格", lambda rng: f"{rng.randint(1, 24)}{rng.choice(['个', '件', '包', '盒', '瓶'])}装"),
        ("材质", _one_of("不锈钢", "棉", "陶瓷", "塑料", "皮革", "竹纤维", "玻璃", "羊毛", "铝合金")),
        ("颜色", _one_of("白色", "黑色", "蓝色", "粉色", "灰色", "绿色", "红色")),
        ("重量", lambda rng: f"{rng.randint(1, 999)}{rng.choice(['g', 'kg'])}"),
        ("尺寸", lambda rng: f"{rng.randint(5, 99)}×{rng.randint(5, 99)}cm"),
        ("产地", _one_of("浙江", "广东", "江苏", "山东", "云南", "福建", "四川")),
        ("型号", _model_number),
        ("尺码", _one_of("S", "M", "L", "XL", "38", "40", "42")),
        ("保质期", lambda rng: f"{rng.randint(3, 36)}个月"),
    ],
    "en": [
        ("Capacity", lambda rng: f"{rng.choice(_MILLILITRES)} ml"),
        ("Pack", lambda rng: f"{rng.randint(1, 24)} pcs"),
        ("Material", _one_of("steel", "cotton", "ceramic", "plastic", "leather", "bamboo", "glass", "wool")),
        ("Color", _one_of("white", "black", "blue", "pink", "gray", "green", "red")),
        ("Weight", lambda rng: f"{rng.randint(1, 999)} {rng.choice(['g', 'kg'])}"),
        ("Size", lambda rng: rng.choice(["S", "M", "L", "XL", f"{rng.randint(5, 99)} cm"])),
        ("Origin", _one_of("China", "Italy", "Japan", "Spain", "France", "Chile")),
        ("Model", _model_number),
    ],
}
