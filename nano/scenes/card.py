"""Product cards: a picture, a name, specifications and a price."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from nano.canvas import Box, Canvas, Face
from nano.dice import Dice
from nano.palette import COLORS, WHITE, Rgb, darker, ink, light
from nano.scenes.card_answers import Card, card_answers
from nano.scenes.goods import random_product, random_specification
from nano.scenes.icon import draw_icon
from nano.scenes.picture import Picture
from nano.turns import Answered, in_one_language
from nano.vocabulary import Language

_DETAIL: Rgb = (60, 60, 70)
_DETAIL_ON_BLACK: Rgb = (140, 140, 150)


@dataclass
class _Content:
    """What is written: name and specifications in one face, the price in another."""

    language: Language
    name: str
    specifications: list[str]
    price: str
    face: Face
    price_face: Face
    color: Rgb


@dataclass
class _Column:
    """Where text goes: left edge, top of the next line, width; logical pixels."""

    x: float
    y: float
    width: float


@dataclass
class _Written:
    """The lines in their order, and where two of them stand."""

    lines: list[str]
    name_box: Box
    price_box: Box


def card_scene(dice: Dice, width: int, height: int) -> Picture:
    """The picture left, right, on top or left out; the price above or below the specifications."""
    rng = dice.rng
    written: Language = "zh" if rng.random() < 0.6 else "en"
    product, name = random_product(dice, written)
    specifications = _specifications(rng, written, height)
    price = dice.price(written)
    background, foreground = light(rng), ink(rng)
    canvas = Canvas(rng, width, height, background)
    face, price_face = dice.face(written), dice.face(written)
    content = _Content(written, name, specifications, price, face, price_face, foreground)
    if rng.random() < 0.3:
        edge = (6, 6, width - 7, height - 7)
        canvas.rounded(edge, 12, outline=darker(background, 60), width=2, fill=WHITE)
    pictured = rng.random() < 0.85
    wide = width > height * 1.2 or (width >= height and rng.random() < 0.5)
    top = rng.uniform(12, 24)
    color = rng.choice(list(COLORS))
    column = _place_picture(rng, canvas, product["icon"] if pictured else None, color, top, wide=wide)
    lines = _write(rng, canvas, column, content, wide=wide)
    if lines is None:
        return card_scene(dice, width, height)
    card = Card(
        product=product,
        name=name,
        price=price,
        specification=("；" if written == "zh" else "; ").join(specifications),
        lines=lines.lines,
        name_box=lines.name_box,
        price_box=lines.price_box,
        picture_color=color if pictured else None,
    )

    def answers(language: Language) -> list[Answered]:
        return card_answers(rng, language, card, canvas)

    image = canvas.finish()
    return Picture(image, canvas.characters, in_one_language(rng, answers))


def _specifications(rng: Random, written: Language, height: int) -> list[str]:
    """One to three that differ in their first two characters."""
    found: list[str] = []
    for _ in range(rng.choice([1, 1, 2, 2, 3]) if height >= 288 else 1):
        line = random_specification(rng, written)
        if all(line[:2] != other[:2] for other in found):
            found.append(line)
    return found


def _place_picture(
    rng: Random, canvas: Canvas, icon: str | None, color: str, top: float, *, wide: bool
) -> _Column:
    """Draw the icon, if there is one, and return the room that is left for text."""
    width, height = canvas.width, canvas.height
    column = _Column(16, top, width - 32)
    if icon is None:
        return column
    dark = _DETAIL if color != "black" else _DETAIL_ON_BLACK
    if wide:
        side = min(width * 0.36, height * 0.7)
        if rng.random() < 0.5:
            draw_icon(canvas, icon, 14, (height - side) / 2, side, COLORS[color], dark)
            column.x = 14 + side + 14
        else:
            draw_icon(canvas, icon, width - side - 14, (height - side) / 2, side, COLORS[color], dark)
        column.width = width - side - 44
    else:
        side = min(width * 0.5, height * 0.4)
        draw_icon(canvas, icon, (width - side) / 2, top, side, COLORS[color], dark)
        column.y += side + 10
    return column


def _write(rng: Random, canvas: Canvas, column: _Column, content: _Content, *, wide: bool) -> _Written | None:
    """Write all lines, or return None if they did not fit."""
    room = canvas.height - column.y - 8
    line_heights = 1.4 + len(content.specifications) + 1.5
    unit = min(room / (line_heights * 1.35), 24)
    name_size = content.face.fit(content.name, min(unit * 1.4, 34), column.width, 12)
    centered = rng.random() < 0.3 and not wide
    lines: list[tuple[str, Box]] = []

    def put(text: str, face: Face, size: float, color: Rgb, *, bold: bool = False) -> Box:
        x = (canvas.width - face.width(text, size)) / 2 if centered else column.x
        box = canvas.text(x, column.y, text, face, size, color, bold=bold)
        lines.append((text, box))
        column.y += size * 1.38
        return box

    def put_price() -> Box:
        face = content.price_face
        size = face.fit(price, min(unit * 1.5, 40), column.width, 13)
        return put(price, face, size, price_color, bold=rng.random() < 0.2)

    def put_specifications() -> None:
        for line in content.specifications:
            size = content.face.fit(line, unit * rng.uniform(0.85, 1), column.width, 12)
            put(line, content.face, size, content.color)

    price_color = rng.choice([(210, 20, 30), (220, 60, 20), content.color, (180, 0, 60)])
    labelled = ("价格：" if content.language == "zh" else "Price: ") + content.price
    price = content.price if rng.random() < 0.7 else labelled
    price_last = rng.random() < 0.6
    bold = name_size > 20 and rng.random() < 0.3
    name_box = put(content.name, content.face, name_size, content.color, bold=bold)
    if price_last:
        put_specifications()
        price_box = put_price()
    else:
        price_box = put_price()
        put_specifications()
    too_low = column.y - name_size > canvas.height + 6
    if too_low or max(box[2] for _, box in lines) > canvas.width + 2:
        return None
    return _Written([text for text, _ in lines], name_box, price_box)
