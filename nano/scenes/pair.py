"""Two pictures of one kind, and comparisons of them."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from PIL import Image

from nano.canvas import Canvas, CharacterAt
from nano.dice import Dice
from nano.palette import WHITE, contrasting
from nano.scenes.placing import Shape, name_all, place_shapes
from nano.scenes.tag import Tag, draw_tag
from nano.turns import Answered, Turn, full_stop, question
from nano.vocabulary import Language


class Pair(NamedTuple):
    """Two of each but turns."""

    images: list[Image.Image]
    characters: list[list[CharacterAt]]
    turns: list[Turn]


def pair_scene(dice: Dice, width: int, height: int) -> Pair:
    """Shapes, price tags or single lines of text; `width` and `height` of each picture."""
    rng = dice.rng
    which = rng.random()
    language: Language = rng.choice(["zh", "en"])
    draw = _two_of_shapes if which < 0.4 else _two_tags if which < 0.75 else _two_texts
    images, characters, answered = draw(dice, width, height, language)
    return Pair(images, characters, [Turn(task, language, asked, answer) for task, asked, answer in answered])


_Drawn = tuple[list[Image.Image], list[list[CharacterAt]], list[Answered]]


def _two_of_shapes(dice: Dice, width: int, height: int, language: Language) -> _Drawn:
    rng = dice.rng
    images, characters, shapes = [], [], []
    for _ in range(2):
        canvas = Canvas(rng, width, height, WHITE)
        shapes.append(place_shapes(rng, canvas, rng.choice([1, 1, 2, 2, 3])))
        images.append(canvas.finish())
        characters.append(canvas.characters)
    if rng.random() < 0.15:
        images[1], characters[1], shapes[1] = images[0], characters[0], shapes[0]
    return images, characters, _compare_shapes(rng, language, shapes[0], shapes[1])


def _compare_shapes(rng: Random, language: Language, one: list[Shape], two: list[Shape]) -> list[Answered]:
    zh = language == "zh"
    same = [(s.kind, s.color) for s in one] == [(s.kind, s.color) for s in two]
    named = [name_all(one, language), name_all(two, language)]
    if zh:
        verdict = "两张图的图形相同。" if same else "两张图的图形不同。"
        answer = f"图1：{named[0]}；图2：{named[1]}。{verdict}"
    else:
        verdict = "The shapes are the same." if same else "The shapes are different."
        answer = f"Picture 1: {named[0]}; Picture 2: {named[1]}. {verdict}"
    out = [Answered("compare", question(rng, "compare", language), answer)] * 3
    first, second = len(one), len(two)
    asked = question(rng, "more", language)
    if zh:
        more = "一样多" if first == second else "图1更多" if first > second else "图2更多"
        answer = f"图1有{first}个，图2有{second}个，{more}。"
    else:
        more = "They have the same number"
        if first != second:
            more = f"Picture {1 if first > second else 2} has more"
        answer = f"Picture 1 has {first}, Picture 2 has {second}. {more}."
    out.append(Answered("compare", asked, answer))
    i = rng.randint(0, 1)
    asked = question(rng, "inpic", language, n=i + 1)
    out.append(Answered("one_of_two", asked, named[i] + full_stop(language)))
    return out


def _two_tags(dice: Dice, width: int, height: int, language: Language) -> _Drawn:
    (one, first), (two, second) = (draw_tag(dice, width, height, simple=True) for _ in range(2))
    answered = _compare_tags(dice.rng, language, first, second)
    return [one.image, two.image], [one.characters, two.characters], answered


def _compare_tags(rng: Random, language: Language, one: Tag, two: Tag) -> list[Answered]:
    """Which is cheaper is asked only if both have the same currency."""
    zh = language == "zh"
    comparable = one.price[0] == two.price[0]
    cheaper = 1 if one.amount < two.amount else 2
    verdict = ""
    if comparable and one.amount == two.amount:
        verdict = "价格相同。" if zh else "Same price."
    elif comparable:
        verdict = f"图{cheaper}更便宜。" if zh else f"Picture {cheaper} is cheaper."
    if zh:
        both = f"图1：{one.name}，{one.price}；图2：{two.name}，{two.price}。"
        prices = f"图1是{one.price}，图2是{two.price}，"
    else:
        both = f"Picture 1: {one.name}, {one.price}; Picture 2: {two.name}, {two.price}. "
        prices = f"Picture 1 is {one.price} and Picture 2 is {two.price}. "
    out = [Answered("compare", question(rng, "compare", language), (both + verdict).strip())] * 3
    if comparable:
        out += [Answered("cheaper", question(rng, "cheaper", language), prices + verdict)] * 2
    i = rng.randint(0, 1)
    asked = question(rng, "inpic_price", language, n=i + 1)
    out.append(Answered("one_of_two", asked, (one.price, two.price)[i] + full_stop(language)))
    return out


def _two_texts(dice: Dice, width: int, height: int, language: Language) -> _Drawn:
    rng = dice.rng
    images, characters, texts = [], [], []
    for _ in range(2):
        background, color = contrasting(rng)
        canvas = Canvas(rng, width, height, background)
        written = rng.choice(["zh", "en"])
        face = dice.face(written)
        size = rng.uniform(18, 40)
        text = dice.phrase(written, face, size, width - 16)
        size = face.fit(text, size, width - 14)
        x = rng.uniform(5, max(6, width - face.width(text, size) - 6))
        canvas.text(x, rng.uniform(4, height - size * 1.4), text, face, size, color)
        images.append(canvas.finish())
        characters.append(canvas.characters)
        texts.append(text)
    if rng.random() < 0.2:
        images[1], characters[1], texts[1] = images[0], characters[0], texts[0]
    return images, characters, _compare_texts(rng, language, texts[0], texts[1])


def _compare_texts(rng: Random, language: Language, one: str, two: str) -> list[Answered]:
    same = one == two
    if language == "zh":
        verdict = "两张图的文字相同。" if same else "两张图的文字不同。"
        answer = f"图1写着“{one}”，图2写着“{two}”。{verdict}"
        short = "相同。" if same else "不同。"
    else:
        verdict = "The texts are the same." if same else "The texts are different."
        answer = f'Picture 1 says "{one}", Picture 2 says "{two}". {verdict}'
        short = "Yes." if same else "No."
    out = [Answered("compare", question(rng, "compare", language), answer)] * 2
    i = rng.randint(0, 1)
    asked = question(rng, "inpic_text", language, n=i + 1)
    out.append(Answered("one_of_two", asked, (one, two)[i]))
    out.append(Answered("compare", question(rng, "sametext", language), short))
    return out
