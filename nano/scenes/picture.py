"""What every scene returns."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image

from nano.canvas import CharacterAt
from nano.turns import Turn


class Picture(NamedTuple):
    """image: RGB, the size that was asked for. characters: centres of what is written in it."""

    image: Image.Image
    characters: list[CharacterAt]
    turns: list[Turn]
