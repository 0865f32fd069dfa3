"""A page as if printed and scanned: grey, unevenly lit, noisy, not quite straight."""

from __future__ import annotations

import re

import cv2
import numpy as np
from PIL import Image, ImageFilter

_BOX = re.compile(r'data-box="([\d .-]+)"')


def scanned(picture: Image.Image, truth: str, seed: int) -> tuple[Image.Image, str]:
    """The picture and its truth, whose boxes go along. seed: which scan; the same gives the same."""
    chance = np.random.default_rng(seed)
    width, height = picture.size
    margin = 40
    paper = Image.new("L", (width + 2 * margin, height + 2 * margin), 255)
    paper.paste(picture.convert("L"), (margin, margin))
    ink = ImageFilter.GaussianBlur(float(chance.uniform(0.4, 0.9)))
    pixels = np.asarray(paper.filter(ink), np.float64)
    # Thin toner lets paper through; the lamp is not the same everywhere; the sensor is noisy.
    pixels = 245 - (255 - pixels) * chance.uniform(0.65, 0.9)
    shade = np.linspace(0, chance.uniform(8, 35), pixels.shape[1])[None, :]
    shade = shade + np.linspace(0, chance.uniform(0, 20), pixels.shape[0])[:, None]
    specks = chance.random(pixels.shape) < 0.0004
    pixels = np.where(specks, 90, pixels - shade + chance.normal(0, chance.uniform(3, 8), pixels.shape))
    degrees = float(chance.uniform(-2.2, 2.2))
    centre = (pixels.shape[1] / 2, pixels.shape[0] / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, degrees, 1.0), np.float64)
    turned = cv2.warpAffine(
        np.clip(pixels, 0, 255).astype(np.uint8),
        matrix,
        (pixels.shape[1], pixels.shape[0]),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )

    def moved(found: re.Match[str]) -> str:
        x0, y0, x1, y1 = (float(part) + margin for part in found[1].split())
        corners = np.array([[x0, y0, 1], [x1, y0, 1], [x1, y1, 1], [x0, y1, 1]]) @ matrix.T
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        return f'data-box="{left:.0f} {top:.0f} {right:.0f} {bottom:.0f}"'

    return Image.fromarray(turned), _BOX.sub(moved, truth)
