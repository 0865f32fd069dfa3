"""Bar charts."""

from __future__ import annotations

from random import Random

from nano.canvas import Canvas
from nano.dice import Dice
from nano.palette import VIVID, WHITE, ink, light
from nano.scenes.picture import Picture
from nano.turns import Answered, full_stop, in_one_language, question
from nano.vocabulary import CHART_TITLES, MONTHS, NOUNS, Language

_SMALLEST_LABEL = 11
_MEASURE = 20


def chart_scene(dice: Dice, width: int, height: int) -> Picture:
    """Three to six bars with labels below and values above; often a title."""
    rng = dice.rng
    written: Language = rng.choice(["zh", "en"])
    count = rng.randint(3, 6 if width >= 384 else 4)
    labels = _labels(rng, written, count)
    top = rng.choice([10, 50, 100, 100, 500, 1000])
    values = rng.sample(range(max(1, top // 20), top + 1), count)
    background = light(rng) if rng.random() < 0.8 else WHITE
    foreground = ink(rng)
    canvas = Canvas(rng, width, height, background)
    face = dice.face(written)
    title = ""
    y: float = 10
    if rng.random() < 0.6 and height >= 256:
        title = rng.choice(CHART_TITLES[written])
        size = min(rng.uniform(17, 26), _MEASURE * (width - 20) / face.width(title, _MEASURE))
        canvas.text((width - face.width(title, size)) / 2, y, title, face, size, foreground)
        y += size * 1.4
    margin = rng.uniform(10, 26)
    step = (width - 2 * margin) / count
    widest = max(face.width(label, _MEASURE) for label in labels)
    label_size = min(rng.uniform(14, 20), step * 0.92 / widest * _MEASURE)
    if label_size < _SMALLEST_LABEL:
        return chart_scene(dice, width, height)
    value_size = min(rng.uniform(14, 20), step * 0.9 / (len(str(max(values))) * 12) * _MEASURE)
    base = height - label_size * 1.5 - 8
    top_y = y + value_size * 1.3 + 4
    canvas.line([(margin - 4, base), (width - margin + 4, base)], fill=foreground, width=1.6)
    if rng.random() < 0.5:
        canvas.line([(margin - 4, base), (margin - 4, y)], fill=foreground, width=1.6)
    one_color = rng.choice(VIVID)
    colorful = rng.random() < 0.5
    bar = step * rng.uniform(0.4, 0.75)
    for i, (label, value) in enumerate(zip(labels, values, strict=True)):
        x = margin + step * (i + 0.5)
        bar_top = base - (base - top_y) * value / max(values)
        color = rng.choice(VIVID) if colorful else one_color
        canvas.rectangle((x - bar / 2, bar_top, x + bar / 2, base - 1), fill=color)
        label_x = x - face.width(label, label_size) / 2
        canvas.text(label_x, base + 5, label, face, label_size, foreground)
        value_x = x - face.width(str(value), value_size) / 2
        canvas.text(value_x, bar_top - value_size * 1.15, str(value), face, value_size, foreground)

    def answers(language: Language) -> list[Answered]:
        return _answers(rng, language, labels, values, title)

    image = canvas.finish()
    return Picture(image, canvas.characters, in_one_language(rng, answers))


def _labels(rng: Random, written: Language, count: int) -> list[str]:
    """Months, quarters, letters, years, or short nouns."""
    kind = rng.random()
    if kind < 0.35:
        start = rng.randint(0, 12 - count)
        return MONTHS[written][start : start + count]
    if kind < 0.45 and count <= 4:
        return ["Q1", "Q2", "Q3", "Q4"][:count]
    if kind < 0.55:
        return list("ABCDEF")[:count]
    if kind < 0.65:
        first = rng.randint(2010, 2024)
        return [str(first + i) for i in range(count)]
    if written == "zh":
        return rng.sample([noun for noun in NOUNS["zh"] if len(noun) <= 3], count)
    return [noun.capitalize() for noun in rng.sample([n for n in NOUNS["en"] if len(n) <= 6], count)]


def _answers(
    rng: Random, language: Language, labels: list[str], values: list[int], title: str
) -> list[Answered]:
    zh, count = language == "zh", len(labels)
    pairs = list(zip(labels, values, strict=True))
    separator, colon = ("，", "：") if zh else (", ", ": ")
    listed = separator.join(f"{label}{colon}{value}" for label, value in pairs) + full_stop(language)
    highest, lowest = max(pairs, key=lambda pair: pair[1]), min(pairs, key=lambda pair: pair[1])
    label, value = pairs[rng.randrange(count)]
    out = [Answered("chart_values", question(rng, "cvals", language), listed)] * 2
    name, most = highest
    answer = f"{name}最大，为{most}。" if zh else f"{name} is the largest, at {most}."
    out.append(Answered("chart_max", question(rng, "cmax", language), answer))
    name, least = lowest
    answer = f"{name}最小，为{least}。" if zh else f"{name} is the smallest, at {least}."
    out.append(Answered("chart_min", question(rng, "cmin", language), answer))
    stop = full_stop(language)
    out.append(Answered("chart_lookup", question(rng, "cval", language, x=label), f"{value}{stop}"))
    bars = f"{count}个。" if zh else f"{count}."
    out.append(Answered("chart_count", question(rng, "cbars", language), bars))
    if title:
        out.append(Answered("ocr_line", question(rng, "title", language), title))
    asked = question(rng, "describe", language)
    if zh:
        titled = f"，标题是“{title}”" if title else ""
        described = f"这是一张柱状图{titled}，共{count}个柱子：{listed}{highest[0]}最大。"
    else:
        titled = f' titled "{title}"' if title else ""
        described = f"This is a bar chart{titled} with {count} bars: {listed} {highest[0]} is the largest."
    out.append(Answered("describe", asked, described))
    return out
