"""Price tags: a name, a large price, sometimes one more line."""

from __future__ import annotations

from typing import NamedTuple

from nano.canvas import Box, Canvas
from nano.dice import Dice
from nano.palette import VIVID, WHITE, ink, light
from nano.scenes.goods import random_product
from nano.scenes.picture import Picture
from nano.turns import Answered, boxes_json, full_stop, in_one_language, question, relative_box, to_json
from nano.vocabulary import NOUNS, TAG_EXTRAS, Language


class Tag(NamedTuple):
    """amount: the price as a number, without its currency."""

    name: str
    price: str
    amount: float


def tag_scene(dice: Dice, width: int, height: int) -> Picture:
    return draw_tag(dice, width, height)[0]


def draw_tag(dice: Dice, width: int, height: int, *, simple: bool = False) -> tuple[Picture, Tag]:
    """simple: no third line."""
    rng = dice.rng
    written: Language = "zh" if rng.random() < 0.6 else "en"
    tag = _content(dice, written)
    background = rng.choice([WHITE, (255, 240, 120), (255, 225, 225), (230, 245, 255), light(rng)])
    color = ink(rng)
    canvas = Canvas(rng, width, height, background)
    face = dice.face(written)
    if rng.random() < 0.5:
        frame = (4, 4, width - 5, height - 5)
        canvas.rectangle(frame, outline=rng.choice(VIVID), width=rng.randint(2, 5))
    name_size = face.fit(tag.name, min(height * 0.2, rng.uniform(22, 40)), width - 30, 12)
    price_size = face.fit(tag.price, min(height * 0.34, rng.uniform(34, 72)), width - 30)
    y = rng.uniform(12, max(13, height - name_size * 1.4 - price_size * 1.3 - 40))
    centered = rng.random() < 0.6

    def left(text: str, size: float) -> float:
        return (width - face.width(text, size)) / 2 if centered else 16

    canvas.text(left(tag.name, name_size), y, tag.name, face, name_size, color)
    y += name_size * 1.4
    price_color = rng.choice([(210, 10, 20), color])
    price_box = canvas.text(left(tag.price, price_size), y, tag.price, face, price_size, price_color)
    y += price_size * 1.25
    extra = ""
    if not simple and y + 20 < height - 6 and rng.random() < 0.5:
        extra = rng.choice(TAG_EXTRAS[written])
        size = face.fit(extra, rng.uniform(15, 22), width - 30)
        canvas.text(left(extra, size), y, extra, face, size, color)

    def answers(language: Language) -> list[Answered]:
        return _answers(dice, language, tag, extra, price_box, canvas)

    image = canvas.finish()
    return Picture(image, canvas.characters, in_one_language(rng, answers)), tag


def _content(dice: Dice, written: Language) -> Tag:
    rng = dice.rng
    if rng.random() < 0.7:
        noun = rng.choice(NOUNS[written])
        name = noun if written == "zh" else noun.capitalize()
    else:
        name = random_product(dice, written)[1]
    whole = rng.randint(1, rng.choice([20, 99, 999]))
    amount = f"{whole}{rng.choice(['', '.5', '.9', '.99', '.80'])}"
    return Tag(name, ("¥" if written == "zh" else "$") + amount, float(amount))


def _answers(
    dice: Dice, language: Language, tag: Tag, extra: str, price_box: Box, canvas: Canvas
) -> list[Answered]:
    rng, zh, stop = dice.rng, language == "zh", full_stop(language)
    name_key, price_key = ("商品名称", "价格") if zh else ("name", "price")
    out = [Answered("price", question(rng, "price", language), tag.price + stop)] * 2
    out.append(Answered("name", question(rng, "pname", language), tag.name + stop))
    as_json = to_json({name_key: tag.name, price_key: tag.price})
    out.append(Answered("tag_json", question(rng, "tjson", language), as_json))
    lines = "\n".join(line for line in (tag.name, tag.price, extra) if line)
    out.append(Answered("ocr", question(rng, "ocr", language), lines))
    asked = question(rng, "describe", language)
    if zh:
        described = f"这是一张价签：{tag.name}，价格{tag.price}。"
    else:
        described = f"This is a price tag: {tag.name}, {tag.price}."
    out.append(Answered("describe", asked, described))
    label = "价格" if zh else "price"
    asked = question(rng, "ground", language, x=label)
    out.append(Answered("ground_text", asked, boxes_json([(relative_box(canvas, price_box), label)])))
    return out
