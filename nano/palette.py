"""Colours. All draws come from the generator that is passed in, so seeds repeat."""

from __future__ import annotations

from random import Random

Rgb = tuple[int, int, int]

WHITE: Rgb = (255, 255, 255)

#: Bars, header rows and frames.
VIVID: list[Rgb] = [
    (52, 120, 200),
    (220, 80, 60),
    (60, 160, 90),
    (240, 160, 40),
    (130, 90, 180),
    (40, 160, 170),
    (200, 60, 120),
    (110, 110, 120),
    (90, 130, 60),
]

#: Colours that the model names, in the order of `vocabulary.COLOR_NAMES`.
COLORS: dict[str, Rgb] = {
    "red": (220, 40, 40),
    "green": (40, 160, 70),
    "blue": (40, 90, 215),
    "yellow": (245, 210, 45),
    "orange": (245, 135, 30),
    "purple": (135, 60, 175),
    "pink": (245, 150, 190),
    "black": (30, 30, 30),
    "gray": (135, 135, 135),
    "brown": (125, 75, 35),
}


def random_rgb(rng: Random, low: int, high: int) -> Rgb:
    """Each channel from low to high, both included."""
    return (rng.randint(low, high), rng.randint(low, high), rng.randint(low, high))


def gray(level: int) -> Rgb:
    return (level, level, level)


def darker(color: Rgb, by: int) -> Rgb:
    return (max(0, color[0] - by), max(0, color[1] - by), max(0, color[2] - by))


def darker_at_random(rng: Random, color: Rgb, low: int, high: int) -> Rgb:
    """Each channel lowered by its own amount from low to high."""
    return (
        max(0, color[0] - rng.randint(low, high)),
        max(0, color[1] - rng.randint(low, high)),
        max(0, color[2] - rng.randint(low, high)),
    )


def light(rng: Random) -> Rgb:
    """A background: often white."""
    kind = rng.random()
    if kind < 0.45:
        return WHITE
    if kind < 0.85:
        return random_rgb(rng, 215, 255)
    return gray(rng.randint(180, 235))


def ink(rng: Random) -> Rgb:
    """A dark colour for text."""
    return gray(rng.randint(0, 50)) if rng.random() < 0.6 else random_rgb(rng, 0, 120)


def contrasting(rng: Random) -> tuple[Rgb, Rgb]:
    """(background, text): dark on light, sometimes the other way round."""
    background, foreground = light(rng), ink(rng)
    if rng.random() < 0.15:
        if rng.random() < 0.5:
            return random_rgb(rng, 0, 90), random_rgb(rng, 200, 255)
        return rng.choice(VIVID), WHITE
    return background, foreground
