"""What pictures cost: the visual tokens of a size, and how many pictures a context takes."""

from __future__ import annotations

import math
from typing import Final

#: A visual token covers merge 2 x patch 16 = 32 pixels each way (Qwen3-VL's preprocessor_config.json).
TOKEN_EDGE_PX: Final = 32
#: `size` of Qwen3-VL's preprocessor: 64 to 16,384 tokens a picture.
DEFAULT_MIN_PIXELS: Final = 65_536
DEFAULT_MAX_PIXELS: Final = 16_777_216
#: <|vision_start|> and <|vision_end|> around each picture.
MARKERS_PER_IMAGE: Final = 2
#: Chat template, question and answer, beside the pictures, where nobody said how long they are.
TEXT_TOKENS: Final = 2_048


def resized(
    width: int,
    height: int,
    *,
    min_pixels: int = DEFAULT_MIN_PIXELS,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    edge_px: int = TOKEN_EDGE_PX,
) -> tuple[int, int]:
    """(width, height) that the model sees: multiples of `edge_px` whose area lies within the bounds.

    Source: `smart_resize` of the Qwen2-VL image processor, which Qwen3-VL uses with patch 16.
    """
    wide = max(edge_px, _nearest(width, edge_px))
    high = max(edge_px, _nearest(height, edge_px))
    if wide * high > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        wide = max(edge_px, math.floor(width / shrink / edge_px) * edge_px)
        high = max(edge_px, math.floor(height / shrink / edge_px) * edge_px)
    elif wide * high < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        wide = math.ceil(width * grow / edge_px) * edge_px
        high = math.ceil(height * grow / edge_px) * edge_px
    return wide, high


def image_tokens(
    width: int,
    height: int,
    *,
    min_pixels: int = DEFAULT_MIN_PIXELS,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    edge_px: int = TOKEN_EDGE_PX,
) -> int:
    """Visual tokens of one picture of this size, without its two markers."""
    wide, high = resized(width, height, min_pixels=min_pixels, max_pixels=max_pixels, edge_px=edge_px)
    return (wide // edge_px) * (high // edge_px)


def most_images(context_tokens: int, tokens_per_image: int, *, text_tokens: int = TEXT_TOKENS) -> int:
    """How many such pictures fit into a context beside `text_tokens` of question and answer."""
    left = context_tokens - text_tokens
    return max(0, left // (tokens_per_image + MARKERS_PER_IMAGE))


def _nearest(length: int, edge_px: int) -> int:
    return round(length / edge_px) * edge_px
