"""Tables with a header row."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from nano.canvas import Canvas, Face
from nano.dice import Dice
from nano.palette import VIVID, WHITE, Rgb, darker, darker_at_random, ink, light
from nano.scenes.picture import Picture
from nano.turns import Answered, in_one_language, question
from nano.vocabulary import NOUNS, TABLE_HEADS, TABLE_WORDS, Language

_SMALLEST = 13
#: Rulings: a whole grid; the same below a coloured header; rules below a grey header; rules alone.
_GRID, _COLORED_HEADER, _GRAY_HEADER, _RULES = range(4)
#: Text is measured at this size, then scaled.
_MEASURE = 20


@dataclass
class _Layout:
    """xs: left edges of the columns and the last right edge; row_height and size in pixels."""

    xs: list[float]
    y: float
    row_height: float
    size: float


def table_scene(dice: Dice, width: int, height: int) -> Picture:
    """Two to four columns, up to six rows with the header."""
    rng = dice.rng
    written: Language = rng.choice(["zh", "en"])
    rows = _content(dice, written, width, height)
    heads, row_count, column_count = rows[0], len(rows), len(rows[0])
    background, foreground = light(rng), ink(rng)
    canvas = Canvas(rng, width, height, background)
    face = dice.face(written)
    layout = _lay_out(rng, canvas, face, rows)
    if layout is None:
        return table_scene(dice, width, height)
    style = _rule(rng, canvas, layout, row_count)
    header_color = WHITE if style == _COLORED_HEADER else foreground
    _fill_in(rng, canvas, layout, face, rows, header_color, foreground)
    markdown = to_markdown(rows)

    def answers(language: Language) -> list[Answered]:
        zh = language == "zh"
        out = [Answered("table", question(rng, "table", language), markdown)] * 4
        names = [row[0] for row in rows[1:]]
        i, j = rng.randrange(1, row_count), rng.randrange(1, column_count)
        if names.count(rows[i][0]) == 1:
            asked = question(rng, "cell", language, r=rows[i][0], c=heads[j])
            out += [Answered("cell", asked, rows[i][j])] * 2
        size = f"{row_count}行{column_count}列。" if zh else f"{row_count} rows and {column_count} columns."
        out.append(Answered("table_size", question(rng, "tsize", language), size))
        asked = question(rng, "describe", language)
        if zh:
            described = f"这是一张表格，共{row_count}行{column_count}列，表头是：{'、'.join(heads)}。"
        else:
            described = (
                f"This is a table with {row_count} rows and {column_count} columns. "
                f"The header is: {', '.join(heads)}."
            )
        out.append(Answered("describe", asked, described))
        return out

    image = canvas.finish()
    return Picture(image, canvas.characters, in_one_language(rng, answers))


def to_markdown(rows: list[list[str]]) -> str:
    """The first row is the header."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def _content(dice: Dice, written: Language, width: int, height: int) -> list[list[str]]:
    rng = dice.rng
    column_count = rng.randint(2, 4 if width >= 384 else 3 if width >= 320 else 2)
    row_count = max(2, min(rng.randint(3, 6), int(height / 30)))
    kinds = ["name"] + [rng.choice(["price", "int", "int", "date", "word"]) for _ in range(column_count - 1)]
    heads: list[str] = []
    for kind in kinds:
        heads.append(rng.choice([head for head in TABLE_HEADS[written][kind] if head not in heads]))
    return [heads] + [[_cell(dice, kind, written) for kind in kinds] for _ in range(row_count - 1)]


def _cell(dice: Dice, kind: str, written: Language) -> str:
    rng = dice.rng
    match kind:
        case "name" if written == "zh":
            return rng.choice(NOUNS["zh"]) if rng.random() < 0.5 else dice.common_zh_word()
        case "name":
            words = NOUNS["en"] if rng.random() < 0.5 else dice.assets.en_words
            return rng.choice(words).capitalize()
        case "price":
            return dice.price(written, small=True)
        case "int":
            return str(rng.randint(0, rng.choice([9, 99, 999])))
        case "date":
            return f"{rng.randint(1, 12)}-{rng.randint(1, 28)}"
        case _:
            return rng.choice(TABLE_WORDS[written])


def _lay_out(rng: Random, canvas: Canvas, face: Face, rows: list[list[str]]) -> _Layout | None:
    """Sizes that fit, or None if the text would be too small."""
    width, height, row_count = canvas.width, canvas.height, len(rows)
    margin = rng.uniform(6, 20)
    row_height = min((height - 2 * margin) / row_count, rng.uniform(30, 56))
    widths = [max(face.width(cell, _MEASURE) for cell in column) + 12 for column in zip(*rows, strict=True)]
    total = sum(widths)
    size = min(row_height * 0.68, _MEASURE * (width - 2 * margin) / total, 30)
    if size < _SMALLEST:
        return None
    size *= rng.uniform(max(0.72, _SMALLEST / size), 1)
    widest = (width - 2 * margin) / total
    stretch = widest if rng.random() < 0.7 else max(size / _MEASURE * 1.05, 0.5)
    stretch = min(stretch, widest)
    xs = [margin]
    for column in widths:
        xs.append(xs[-1] + column * stretch)
    y = rng.uniform(margin, max(margin, height - margin - row_height * row_count))
    return _Layout(xs, y, row_height, size)


def _rule(rng: Random, canvas: Canvas, layout: _Layout, row_count: int) -> int:
    """Draw lines and the header's ground; return the style."""
    xs, y, row_height = layout.xs, layout.y, layout.row_height
    style = rng.randint(_GRID, _RULES)
    line: Rgb = darker_at_random(rng, canvas.background, 60, 200)
    header = rng.choice(VIVID) if style == _COLORED_HEADER else darker(canvas.background, 25)
    if style in (_COLORED_HEADER, _GRAY_HEADER):
        canvas.rectangle((xs[0], y, xs[-1], y + row_height), fill=header)
    for row in range(row_count + 1):
        if style != _RULES or row in (0, 1, row_count):
            at = y + row * row_height
            canvas.line([(xs[0], at), (xs[-1], at)], fill=line, width=1.4)
    if style in (_GRID, _COLORED_HEADER):
        for x in xs:
            canvas.line([(x, y), (x, y + row_height * row_count)], fill=line, width=1.4)
    return style


def _fill_in(
    rng: Random,
    canvas: Canvas,
    layout: _Layout,
    face: Face,
    rows: list[list[str]],
    header_color: Rgb,
    color: Rgb,
) -> None:
    centered = rng.random() < 0.5
    xs, size = layout.xs, layout.size
    for row_number, row in enumerate(rows):
        y = layout.y + row_number * layout.row_height + (layout.row_height - size) / 2
        for column, cell in enumerate(row):
            taken = face.width(cell, size)
            x = xs[column] + ((xs[column + 1] - xs[column] - taken) / 2 if centered else 5)
            canvas.text(x, y, cell, face, size, color if row_number else header_color)
