"""huiyan.hardware.images: what pictures cost."""

from __future__ import annotations

import pytest

from huiyan.hardware.images import image_tokens, most_images, resized


@pytest.mark.parametrize(
    ("size", "tokens"),
    [
        ((1920, 1080), 2040),
        ((1024, 1024), 1024),
        ((1024, 768), 768),
        ((256, 192), 70),
        ((32, 32), 64),
        ((4096, 4096), 16_384),
        ((8000, 6000), 16_170),
        ((640, 480), 300),
    ],
)
def test_tokens_of_a_size(size: tuple[int, int], tokens: int) -> None:
    assert image_tokens(*size) == tokens


def test_three_pictures_and_a_question_are_what_was_measured() -> None:
    """6,145 prompt tokens for three 1920x1080 pictures and a question."""
    pictures = 3 * (image_tokens(1920, 1080) + 2)
    assert 0 < 6145 - pictures < 64


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (9999, 3), (100_000, 100_000), (33, 4097)])
def test_the_bounds_are_kept(size: tuple[int, int]) -> None:
    wide, high = resized(*size, min_pixels=65_536, max_pixels=1_310_720)
    assert wide % 32 == high % 32 == 0
    assert min(wide, high) >= 32
    if min(size) > 16:
        assert wide * high <= 1_310_720


@pytest.mark.parametrize(
    ("context", "tokens", "count"),
    [(16_384, 2040, 7), (32_768, 2040, 15), (8192, 1024, 5), (2048, 64, 0), (100, 64, 0)],
)
def test_how_many_a_context_takes(context: int, tokens: int, count: int) -> None:
    assert most_images(context, tokens) == count
