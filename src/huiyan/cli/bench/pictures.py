"""Pictures to measure with: each one different, so that no cache of the engine has seen it before."""

from __future__ import annotations

import base64
import io
import random

from PIL import Image, ImageDraw


def picture_url(seed: int, width: int, height: int) -> str:
    """A JPEG as a data URL: shapes and numbers on a noisy ground, decided by `seed` alone."""
    rng = random.Random(seed)  # noqa: S311 not for secrets
    grain = Image.frombytes("RGB", (64, 64), rng.randbytes(64 * 64 * 3))
    image = grain.resize((width, height), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = rng.randrange(width), rng.randrange(height)
        size = rng.randrange(16, max(17, min(width, height) // 3))
        color = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
        draw.rectangle((x, y, x + size, y + size // 2), fill=color)
        draw.text((x + 2, y + 2), str(rng.randrange(10_000)), fill="white")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def picture_tokens(width: int, height: int, *, least: int, most: int) -> int:
    """Visual tokens of one picture of Qwen3-VL: 32 x 32 pixels each, within the engine's bounds."""
    tokens = max(1, round(width / 32)) * max(1, round(height / 32))
    return min(most, max(least, tokens))
