"""Lines of printed text."""

from __future__ import annotations

import math
from random import Random

from nano.canvas import Box, Canvas
from nano.dice import Dice
from nano.palette import Rgb, contrasting, darker_at_random, ink
from nano.scenes.picture import Picture
from nano.turns import Answered, boxes_json, in_one_language, question, relative_box
from nano.vocabulary import LINES, Language

_MOST_CHARACTERS = 70
_DARK = 380  # sum of the channels


def text_scene(dice: Dice, width: int, height: int) -> Picture:
    """One to six lines of words, numbers or both, in one or two fonts; sometimes slightly turned."""
    rng = dice.rng
    background, foreground = contrasting(rng)
    canvas = Canvas(rng, width, height, background)
    lines = _write_lines(dice, canvas, foreground)
    _decorate(rng, canvas)
    rotation_deg = rng.uniform(-3, 3) if rng.random() < 0.12 else 0
    everything = "\n".join(line for line, _ in lines)

    def answers(language: Language) -> list[Answered]:
        zh = language == "zh"
        out = [Answered("ocr", question(rng, "ocr", language), everything)] * 3
        described = ("图中有文字：" if zh else "The image contains text: ") + everything
        out.append(Answered("describe", question(rng, "describe", language), described))
        if len(lines) > 1:
            out += _about_lines(rng, language, lines)
        if not rotation_deg:
            line, box = rng.choice(lines)
            if sum(other == line for other, _ in lines) == 1:
                asked = question(rng, "ground", language, x=f"“{line}”" if zh else f'"{line}"')
                out.append(Answered("ground_text", asked, boxes_json([(relative_box(canvas, box), line)])))
        return out

    image = canvas.finish(rotation_deg)
    return Picture(image, canvas.characters, in_one_language(rng, answers))


def _write_lines(dice: Dice, canvas: Canvas, foreground: Rgb) -> list[tuple[str, Box]]:
    rng, width, height = dice.rng, canvas.width, canvas.height
    main = rng.choice(["zh", "zh", "zh", "en", "en", "num"])
    lines: list[tuple[str, Box]] = []
    y = rng.uniform(6, height * 0.25)
    rng.random()  # spent by an earlier version here; without it, seeds would give other pictures
    wanted = rng.choice([1, 1, 2, 2, 3, 4, 5, 6])
    base_size = math.exp(rng.uniform(math.log(15), math.log(40 if wanted > 3 else 64)))
    face = dice.face(main)
    total = 0
    while len(lines) < wanted:
        size = base_size * rng.choice([1, 1, 1, 0.8, 1.3]) if wanted > 1 else base_size
        size = max(14, min(size, 72))
        if y + size * 1.2 > height - 4 or total > _MOST_CHARACTERS:
            break
        if rng.random() < 0.15:
            face = dice.face(main)
        language = main if rng.random() < 0.85 else rng.choice(["zh", "en", "num"])
        x = rng.uniform(4, max(5, width * 0.2))
        text = dice.number() if language == "num" else dice.phrase(language, face, size, width - x - 6)
        taken = face.width(text, size)
        if taken > width - x - 4:
            size = max(12, size * (width - x - 6) / taken)
        if rng.random() < 0.4:
            x = rng.uniform(4, max(5, width - face.width(text, size) - 5))
        color = foreground
        if rng.random() >= 0.85 and sum(canvas.background) > _DARK:
            color = ink(rng)
        lines.append((text, canvas.text(x, y, text, face, size, color, bold=rng.random() < 0.12)))
        total += len(text)
        y += size * rng.uniform(1.2, 2.0)
    return lines


def _about_lines(rng: Random, language: Language, lines: list[tuple[str, Box]]) -> list[Answered]:
    """A line by its number (the last also by that name), and how many there are."""
    i = rng.randrange(len(lines))
    names = LINES[language]
    name = names[i] if i < len(lines) - 1 or rng.random() < 0.5 else names[-1]
    one = Answered("ocr_line", question(rng, "line", language, n=name), lines[i][0])
    count = f"{len(lines)}行。" if language == "zh" else f"{len(lines)} lines."
    return [one, Answered("count_lines", question(rng, "nlines", language), count)]


def _decorate(rng: Random, canvas: Canvas) -> None:
    """A frame or a rule, sometimes."""
    kind = rng.random()
    color = darker_at_random(rng, canvas.background, 30, 140)
    if kind < 0.1:
        frame = (2, 2, canvas.width - 3, canvas.height - 3)
        canvas.rectangle(frame, outline=color, width=rng.randint(1, 4))
    elif kind < 0.16:
        y = canvas.height - rng.uniform(2, 6)
        canvas.line([(4, y), (canvas.width - 4, y)], fill=color, width=2)
