"""Lines of a picture, told from letters and from the edges of coloured fields."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from huiyan_table_ocr.reading.rulings import find_rulings, ink_of, without_letters
from huiyan_table_ocr.structure import Box, Ruling

HEIGHT = 16.0


def paper(level: int = 255) -> NDArray[np.uint8]:
    return np.full((200, 300, 3), level, np.uint8)


def places(rulings: list[Ruling]) -> set[tuple[str, int]]:
    return {("across" if r.horizontal else "down", round(r.at / 5) * 5) for r in rulings}


@pytest.mark.parametrize(
    ("ground", "line"),
    [(255, 0), (255, 235), (240, 255), (30, 60), (200, 190)],
    ids=["black", "faint", "light on grey", "dark theme", "grey on grey"],
)
@pytest.mark.parametrize("breadth", [1, 2, 3])
def test_lines_are_found_however_faint(ground: int, line: int, breadth: int) -> None:
    pixels = paper(ground)
    pixels[60 : 60 + breadth, 20:280] = line
    pixels[20:180, 150 : 150 + breadth] = line
    assert places(find_rulings(pixels, HEIGHT)) == {("across", 60), ("down", 150)}


def test_the_edge_of_a_coloured_field_is_no_line() -> None:
    pixels = paper()
    pixels[50:90, 20:280] = (43, 108, 176)
    assert find_rulings(pixels, HEIGHT) == []


def test_noise_is_no_line() -> None:
    noise = np.random.default_rng(3).normal(220, 8, (200, 300, 3))
    assert find_rulings(np.clip(noise, 0, 255).astype(np.uint8), HEIGHT) == []


def test_strokes_below_each_other_are_letters_and_a_wall_that_goes_on_is_none() -> None:
    pixels = paper()
    texts = []
    for row in range(6):
        top = 20 + 25 * row
        texts.append(Box(40, top - 2, 260, top + 18))
        pixels[top : top + 16, 60:62] = 0  # the stem of a letter at the same place of each line
    pixels[10:190, 150:152] = 0
    stems, wall = Ruling(False, 61, 20, 161), Ruling(False, 151, 10, 190)
    assert without_letters([stems, wall], texts, ink_of(pixels)) == [wall]
