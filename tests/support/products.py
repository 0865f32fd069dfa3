"""Small pictures that differ from each other, for tests in which nobody has to read them."""

from __future__ import annotations

import colorsys
import io

from PIL import Image, ImageDraw

from tests.support.browser import Upload


def product(n: int, size: tuple[int, int] = (120, 90)) -> Upload:
    """The `n`-th product: a block in a colour of its own, beside `n` bars."""
    red, green, blue = colorsys.hsv_to_rgb((n * 0.137) % 1, 0.7, 0.8)
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((10, 10, 70, 80), fill=(round(red * 255), round(green * 255), round(blue * 255)))
    for bit in range(10):
        draw.rectangle((80, 8 + bit * 8, 110, 12 + bit * 8), fill="black" if n >> bit & 1 else "white")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return Upload.png(buffer.getvalue(), f"商品{n:03d}.png")


def products(count: int) -> list[Upload]:
    return [product(n) for n in range(count)]
