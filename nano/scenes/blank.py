"""Nothing to read: blank, noise, or something that this model does not know."""

from __future__ import annotations

from random import Random

import numpy as np
from PIL import Image, ImageDraw

from nano.dice import Dice
from nano.palette import Rgb, light, random_rgb
from nano.scenes.picture import Picture
from nano.turns import Answered, in_one_language, question
from nano.vocabulary import NO_PRICE, NO_TEXT, NOTHING, Language


def blank_scene(dice: Dice, width: int, height: int) -> Picture:
    rng = dice.rng
    which = rng.random()
    background = light(rng) if rng.random() < 0.7 else random_rgb(rng, 0, 255)
    rng.choice([1] * 14)  # spent by an earlier version here; without it, seeds would give other pictures
    if which < 0.4:
        kind, image = "blank", Image.new("RGB", (width, height), background)
    elif which < 0.6:
        kind, image = "noise", _noise(rng, width, height)
    else:
        kind, image = "unknown", _clouds(rng, width, height)

    def answers(language: Language) -> list[Answered]:
        return [
            Answered("no_text", question(rng, "ocr", language), NO_TEXT[language]),
            Answered("blank", question(rng, "describe", language), NOTHING[kind][language]),
            Answered("no_text", question(rng, "price", language), NO_PRICE[language]),
        ]

    return Picture(image, [], in_one_language(rng, answers))


def _noise(rng: Random, width: int, height: int) -> Image.Image:
    """Grey or coloured grain of one, two or four pixels."""
    grain = rng.choice([1, 1, 2, 4])
    generator = np.random.RandomState(rng.getrandbits(31))
    shape = (height // grain + 1, width // grain + 1, rng.choice([1, 3]))
    # Grey or colour, then always colour: uint8[height, width, 3].
    pixels = generator.randint(0, 256, shape, dtype=np.uint8)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, 2)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST)


def _clouds(rng: Random, width: int, height: int) -> Image.Image:
    """Smooth random colours, sometimes with ellipses over them: stands for photographs."""
    generator = np.random.RandomState(rng.getrandbits(31))
    total = np.zeros((height, width, 3), np.float32)
    for cells in (2, 4, 8, 16):
        coarse = Image.fromarray(generator.randint(0, 256, (cells + 1, cells + 1, 3), dtype=np.uint8))
        smooth = coarse.resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(smooth, np.float32) / cells ** rng.uniform(0.4, 1)
    total -= total.min()
    image = Image.fromarray((total / total.max() * 255).astype(np.uint8))
    if rng.random() < 0.5:
        draw = ImageDraw.Draw(image)
        for _ in range(rng.randint(3, 25)):
            _draw_ellipse(rng, draw, width, height)
    return image


def _draw_ellipse(rng: Random, draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    x, y, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.05, 0.5) * width
    color: Rgb = random_rgb(rng, 0, 255)
    rng.random()  # spent by an earlier version here
    top, bottom = y - radius * rng.uniform(0.2, 1.5), y + radius
    draw.ellipse([x - radius, top, x + radius, bottom], fill=color)
