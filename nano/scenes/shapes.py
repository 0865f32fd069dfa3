"""Coloured shapes on a plain ground, and questions about them."""

from __future__ import annotations

from random import Random

from nano.canvas import Canvas
from nano.dice import Dice
from nano.palette import COLORS, WHITE, Rgb
from nano.scenes.picture import Picture
from nano.scenes.placing import Shape, name_all, place_shapes
from nano.turns import Answered, boxes_json, full_stop, in_one_language, question, relative_box
from nano.vocabulary import COLOR_NAMES, NO_TEXT, PLACES, SHAPE_NAMES, SHAPES, Language

_BACKGROUNDS: list[Rgb] = [
    WHITE,
    WHITE,
    (245, 245, 245),
    (235, 242, 250),
    (250, 245, 230),
    (225, 225, 230),
]


def shapes_scene(dice: Dice, width: int, height: int) -> Picture:
    """One to seven shapes, none over another."""
    rng = dice.rng
    canvas = Canvas(rng, width, height, rng.choice(_BACKGROUNDS))
    shapes = place_shapes(rng, canvas, rng.choice([1, 2, 2, 3, 3, 4, 5, 6, 7]))

    def answers(language: Language) -> list[Answered]:
        out = _about_all(rng, language, shapes)
        kind = rng.choice([shape.kind for shape in shapes] + [rng.choice(SHAPES)])
        out += _about_kind(rng, language, shapes, kind)
        out += _about_unique(rng, language, shapes, canvas)
        out += _about_edges(rng, language, shapes)
        out += _boxes(rng, language, shapes, canvas, kind)
        out.append(Answered("no_text", question(rng, "ocr", language), NO_TEXT[language]))
        return out

    image = canvas.finish()
    return Picture(image, canvas.characters, in_one_language(rng, answers))


def _plural(count: int, noun: str) -> str:
    if count == 1:
        return f"{count} {noun}"
    return f"{count} {noun}{'es' if noun.endswith('s') else 's'}"


def _plural_noun(noun: str) -> str:
    return _plural(2, noun).removeprefix("2 ")


def _color(color: str, language: Language) -> str:
    return COLOR_NAMES[color] if language == "zh" else color


def _kind(kind: str, language: Language) -> str:
    return SHAPE_NAMES[kind] if language == "zh" else kind


def _count(count: int, language: Language) -> str:
    return f"{count}个。" if language == "zh" else f"{count}."


def _about_all(rng: Random, language: Language, shapes: list[Shape]) -> list[Answered]:
    """What there is, how many, and how many of one colour."""
    n = len(shapes)
    if language == "zh":
        described = f"图中有{n}个图形，从左到右依次是：{name_all(shapes, language)}。"
    else:
        verb = "is" if n == 1 else "are"
        described = f"There {verb} {_plural(n, 'shape')}. From left to right: {name_all(shapes, language)}."
    asked = question(rng, "describe", language) if rng.random() < 0.5 else question(rng, "shapes", language)
    out = [Answered("describe_shapes", asked, described)] * 3
    out.append(Answered("count", question(rng, "nshapes", language), _count(n, language)))
    color = rng.choice([shape.color for shape in shapes] + [rng.choice(list(COLORS))])
    count = sum(shape.color == color for shape in shapes)
    asked = question(rng, "ncolor", language, x=_color(color, language))
    out.append(Answered("count", asked, _count(count, language)))
    return out


def _about_kind(rng: Random, language: Language, shapes: list[Shape], kind: str) -> list[Answered]:
    """How many of one kind, and whether there is any."""
    count = sum(shape.kind == kind for shape in shapes)
    name = _kind(kind, language)
    counted = question(rng, "nkind", language, x=name, xs=_plural_noun(kind))
    exists = question(rng, "exist", language, x=name)
    yes = ("有。" if count else "没有。") if language == "zh" else ("Yes." if count else "No.")
    return [Answered("count", counted, _count(count, language)), Answered("exist", exists, yes)]


def _about_unique(rng: Random, language: Language, shapes: list[Shape], canvas: Canvas) -> list[Answered]:
    """Colour, kind, place and box of shapes that a question can name without doubt."""
    out: list[Answered] = []
    stop = full_stop(language)

    def capital(name: str) -> str:
        return name if language == "zh" else name.capitalize()

    of_kind = [shape for shape in shapes if sum(other.kind == shape.kind for other in shapes) == 1]
    of_color = [shape for shape in shapes if sum(other.color == shape.color for other in shapes) == 1]
    unique = [shape for shape in shapes if sum(shape.looks_like(other) for other in shapes) == 1]
    if of_kind:
        shape = rng.choice(of_kind)
        asked = question(rng, "color", language, x=_kind(shape.kind, language))
        out.append(Answered("color", asked, capital(_color(shape.color, language)) + stop))
    if of_color:
        shape = rng.choice(of_color)
        asked = question(rng, "kind", language, x=_color(shape.color, language))
        out.append(Answered("shape", asked, capital(_kind(shape.kind, language)) + stop))
    if unique:
        shape = rng.choice(unique)
        asked = question(rng, "where", language, x=shape.name(language, article=False))
        out.append(Answered("position", asked, _place(canvas, shape, language)))
        shape = rng.choice(unique)
        name = shape.name(language, article=False)
        asked = question(rng, "ground", language, x=name)
        out += [Answered("ground", asked, boxes_json([(relative_box(canvas, shape.box), name)]))] * 2
    return out


def _place(canvas: Canvas, shape: Shape, language: Language) -> str:
    column = min(2, int(shape.x / canvas.width * 3))
    row = min(2, int(shape.y / canvas.height * 3))
    return PLACES[language][row * 3 + column]


def _about_edges(rng: Random, language: Language, shapes: list[Shape]) -> list[Answered]:
    first = rng.choice([True, False])
    asked = question(rng, "leftmost" if first else "rightmost", language)
    shape = shapes[0 if first else -1]
    return [Answered("position", asked, shape.name(language).capitalize() + full_stop(language))]


def _boxes(rng: Random, language: Language, shapes: list[Shape], canvas: Canvas, kind: str) -> list[Answered]:
    """Boxes of all shapes, and of those of one kind."""
    out: list[Answered] = []
    if len(shapes) <= 5:
        boxes = [(relative_box(canvas, s.box), s.name(language, article=False)) for s in shapes]
        out += [Answered("ground", question(rng, "ground_all", language), boxes_json(boxes))] * 2
    same = [shape for shape in shapes if shape.kind == kind]
    if same:
        which = "所有的" + SHAPE_NAMES[kind] if language == "zh" else "all " + _plural_noun(kind)
        boxes = [(relative_box(canvas, shape.box), _kind(kind, language)) for shape in same]
        out.append(Answered("ground", question(rng, "ground", language, x=which), boxes_json(boxes)))
    return out
