"""What training never showed: another font, other sizes, JPEG, photographs, free questions.

python -m nano.unseen http://127.0.0.1:PORT FONT.ttc --assets ASSETS [PHOTO…]
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw, ImageFont

from nano.assets import Assets
from nano.client import chat, text_of
from nano.dice import Dice
from nano.scoring import edit_distance
from nano.vocabulary import Language

#: What, width, height, smallest and largest text in pixels.
_CASES = (
    ("24-40 px", 448, 320, 24, 40),
    ("16-22 px", 448, 320, 16, 22),
    ("1080x810, shrunk by the server", 1080, 810, 52, 90),
)
_PER_CASE = 25
_READ: dict[Language, str] = {"zh": "读出图中的文字。", "en": "Read the text in the image."}
_ABOUT_PHOTOS = ("Describe this image.", "图里写了什么？", "图片里有几只猫？")
_FREE = (
    "Hey, what's up?",
    "你可以识别图片吗",
    "1+1=?",
    "用Python写冒泡排序",
    "你是GPT吗？",
    "Tell me something interesting",
)


def _words(dice: Dice, language: Language) -> str:
    rng = dice.rng
    if language == "zh":
        return "".join(dice.common_zh_word() for _ in range(rng.randint(2, 4)))
    return " ".join(rng.choice(dice.assets.en_words) for _ in range(rng.randint(1, 3)))


def _page(
    dice: Dice, language: Language, font: str, size: tuple[int, int], text_px: tuple[int, int]
) -> tuple[Image.Image, str]:
    """(a JPEG with one to three lines, what they say)."""
    rng, (width, height) = dice.rng, size
    image = Image.new("RGB", size, rng.choice(["white", "#f4f0e4", "#e0ecf8"]))
    draw = ImageDraw.Draw(image)
    y = height * 0.08
    lines: list[str] = []
    for _ in range(rng.randint(1, 3)):
        line, line_px = _words(dice, language), rng.randint(*text_px)
        face = ImageFont.truetype(font, line_px)
        while face.getlength(line) > width * 0.92:
            line = line[:-1]
        line = line.strip()
        draw.text((width * 0.04, y), line, font=face, fill="black")
        lines.append(line)
        y += line_px * 1.7
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return Image.open(buffer), "\n".join(lines)


def _read_pages(base_url: str, dice: Dice, font: str) -> None:
    for what, width, height, smallest, largest in _CASES:
        for language, asked in _READ.items():
            exact = characters = edits = 0
            for _ in range(_PER_CASE):
                image, wanted = _page(dice, language, font, (width, height), (smallest, largest))
                given = text_of(chat(base_url, [image], asked))
                exact += given == wanted
                characters += len(wanted)
                edits += min(len(wanted), edit_distance(given, wanted))
            right = 1 - edits / characters
            print(f"{what} {language}: exact {exact}/{_PER_CASE}, characters {right:.1%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("font")
    parser.add_argument("--assets", type=Path, required=True)
    parser.add_argument("photos", type=Path, nargs="*")
    arguments = parser.parse_args()
    dice = Dice(Random("ood 1"), Assets(arguments.assets))
    _read_pages(arguments.base_url, dice, arguments.font)
    for path in arguments.photos:
        image = Image.open(path).convert("RGB")
        for asked in _ABOUT_PHOTOS:
            given = text_of(chat(arguments.base_url, [image], asked))
            print(path.name, image.size, asked, "->", repr(given), flush=True)
    for asked in _FREE:
        begin = time.monotonic()
        given = text_of(chat(arguments.base_url, [], asked))
        print(asked, "->", repr(given), f"{time.monotonic() - begin:.2f} s")


if __name__ == "__main__":
    main()
