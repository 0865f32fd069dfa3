"""A surface that remembers where each character was drawn."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from nano.assets import Assets, font
from nano.palette import Rgb

#: Left, top, right, bottom in logical pixels.
Box = tuple[float, float, float, float]
Point = tuple[float, float]

#: Where the baseline lies below the top of a line, and the centre of a character above the baseline.
_BASELINE = 0.86
_CENTRE = 0.36


class CharacterAt(NamedTuple):
    """x, y: the character's centre, logical pixels."""

    character: str
    x: float
    y: float


class Face:
    """A pair of fonts: ASCII from one file, everything else from another."""

    def __init__(self, rng: Random, assets: Assets, language: str | None = None) -> None:
        self._assets = assets
        self._cjk = rng.choice(assets.cjk_fonts)
        self._latin = self._cjk
        # Droid's fallback font has no Latin letters.
        if "Droid" in self._cjk or language == "en" or rng.random() < 0.4:
            self._latin = rng.choice(assets.latin_fonts)

    def path(self, character: str) -> str:
        return self._latin if character < "\x7f" else self._cjk

    def advance(self, character: str, size: float) -> float:
        return self._assets.advance(self.path(character), character, size)

    def width(self, text: str, size: float) -> float:
        """Pixels that `text` takes at `size` pixels."""
        return sum(self.advance(character, size) for character in text)

    def fit(self, text: str, size: float, width: float, smallest: float = 13) -> float:
        """The size, at most `size` and at least `smallest`, at which `text` takes `width` pixels."""
        return max(smallest, min(size, size * width / max(1, self.width(text, size))))


class Canvas:
    """Draws in logical pixels; may render larger and shrink, as a resized upload would look."""

    def __init__(self, rng: Random, width: int, height: int, background: Rgb) -> None:
        self._rng = rng
        self.width, self.height, self.background = width, height, background
        self.scale: float = rng.choice([1] * 12 + [1.5, 2])
        self._image = Image.new("RGB", (round(width * self.scale), round(height * self.scale)), background)
        self._draw = ImageDraw.Draw(self._image)
        self.characters: list[CharacterAt] = []

    def text(
        self, x: float, y: float, text: str, face: Face, size: float, color: Rgb, *, bold: bool = False
    ) -> Box:
        """Draw with the top left at (x, y); return the box that it takes."""
        k = self.scale
        size_px = max(8, round(size * k))
        cursor, baseline = x * k, (y + size * _BASELINE) * k
        for path, run in _runs(text, face):
            self._draw.text(
                (cursor, baseline),
                run,
                font=font(path, size_px),
                fill=color,
                anchor="ls",
                stroke_width=max(1, size_px // 22) if bold else 0,
                stroke_fill=color,
            )
            for character in run:
                advance = face.advance(character, size_px)
                if character != " ":
                    centre = ((cursor + advance / 2) / k, (baseline - _CENTRE * size_px) / k)
                    self.characters.append(CharacterAt(character, *centre))
                cursor += advance
        return (x, y, cursor / k, y + size)

    # Any: Pillow's own keywords (fill, outline, width), passed on; width is in logical pixels.
    def rectangle(self, box: Box, **style: Any) -> None:
        self._draw.rectangle(self._scaled(box), **self._style(style))

    def rounded(self, box: Box, radius: float, **style: Any) -> None:
        self._draw.rounded_rectangle(self._scaled(box), radius * self.scale, **self._style(style))

    def ellipse(self, box: Box, **style: Any) -> None:
        self._draw.ellipse(self._scaled(box), **self._style(style))

    def pie(self, box: Box, start_deg: float, end_deg: float, **style: Any) -> None:
        self._draw.pieslice(self._scaled(box), start_deg, end_deg, **self._style(style))

    def arc(self, box: Box, start_deg: float, end_deg: float, **style: Any) -> None:
        self._draw.arc(self._scaled(box), start_deg, end_deg, **self._style(style))

    def polygon(self, points: Sequence[Point], **style: Any) -> None:
        self._draw.polygon([(x * self.scale, y * self.scale) for x, y in points], **self._style(style))

    def line(self, points: Sequence[Point], **style: Any) -> None:
        self._draw.line([(x * self.scale, y * self.scale) for x, y in points], **self._style(style))

    def finish(self, rotation_deg: float = 0.0) -> Image.Image:
        """The picture at its logical size, perhaps turned, shrunk or compressed; RGB."""
        image = self._image
        if rotation_deg:
            image = image.rotate(rotation_deg, Image.Resampling.BILINEAR, fillcolor=self.background)
            self._turn_characters(rotation_deg)
        if self.scale != 1:
            smooth = self._rng.choice([Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
            image = image.resize((self.width, self.height), smooth)
        if self._rng.random() < 0.12:
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=self._rng.randint(45, 92))
            image = Image.open(buffer).convert("RGB")
        return image

    def _turn_characters(self, rotation_deg: float) -> None:
        angle, cx, cy = math.radians(rotation_deg), self.width / 2, self.height / 2
        self.characters = [
            CharacterAt(
                character,
                cx + (x - cx) * math.cos(angle) + (y - cy) * math.sin(angle),
                cy - (x - cx) * math.sin(angle) + (y - cy) * math.cos(angle),
            )
            for character, x, y in self.characters
        ]

    def _scaled(self, box: Box) -> list[float]:
        return [value * self.scale for value in box]

    def _style(self, style: dict[str, Any]) -> dict[str, Any]:
        if "width" in style:
            style["width"] = max(1, round(style["width"] * self.scale))
        return style


def _runs(text: str, face: Face) -> list[tuple[str, str]]:
    """Split into (font file, characters drawn with it)."""
    runs: list[tuple[str, str]] = []
    for character in text:
        path = face.path(character)
        if runs and runs[-1][0] == path:
            runs[-1] = (path, runs[-1][1] + character)
        else:
            runs.append((path, character))
    return runs
