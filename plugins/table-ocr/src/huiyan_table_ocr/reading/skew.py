"""By how much a page is askew: the detector's boxes say it roughly, the rows of its ink exactly."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from huiyan_table_ocr.reading.rulings import ink_of

_LOOKED_AT_PIXELS = 1000
_BESIDE_DEGREES = (-0.4, -0.2, 0.0, 0.2, 0.4)
#: How much sharper the rows have to be for a picture to be turned at all.
_WORTH_IT = 1.03


def sharpest_degrees(pixels: NDArray[np.uint8], guess: float) -> float:
    """The angle near `guess`, or 0, at which rows of ink stand out most. pixels: uint8[height, width, 3]."""
    if guess == 0:
        return 0.0
    scale = min(1.0, _LOOKED_AT_PIXELS / max(pixels.shape[:2]))
    ink = ink_of(
        np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    )
    best = max((guess + beside for beside in _BESIDE_DEGREES), key=lambda degrees: _sharpness(ink, degrees))
    return best if _sharpness(ink, best) > _WORTH_IT * _sharpness(ink, 0.0) else 0.0


def _sharpness(ink: NDArray[np.uint8], degrees: float) -> float:
    """Of the rows when turned: how much the ink in one differs from that in the next."""
    height, width = ink.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    rows = cv2.warpAffine(ink, turn, (width, height)).sum(axis=1, dtype=np.float64)
    return float(np.square(np.diff(rows)).sum())
