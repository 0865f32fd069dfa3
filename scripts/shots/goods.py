"""Pictures of goods that do not exist, drawn so that the page looks as a shop's does."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

from tests.support.browser import Upload

SIDE_PX = 1200
#: Drawn larger and scaled down: PIL's own edges are jagged.
_OVER = 2

Box = tuple[float, float, float, float]


class Pen:
    """Draws in thousandths of the picture's side."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)
        self._unit = image.width / 1000

    def _scaled(self, values: tuple[float, ...]) -> list[float]:
        return [value * self._unit for value in values]

    def round(self, box: Box, radius: float, colour: str) -> None:
        self._draw.rounded_rectangle(self._scaled(box), radius * self._unit, fill=colour)

    def oval(self, box: Box, colour: str) -> None:
        self._draw.ellipse(self._scaled(box), fill=colour)

    def ring(self, box: Box, width: float, colour: str) -> None:
        self._draw.ellipse(self._scaled(box), outline=colour, width=round(width * self._unit))

    def shape(self, *points: float, colour: str) -> None:
        self._draw.polygon(self._scaled(points), fill=colour)

    def line(self, *points: float, width: float, colour: str) -> None:
        self._draw.line(self._scaled(points), fill=colour, width=round(width * self._unit), joint="curve")


def _mug(pen: Pen) -> None:
    pen.ring((600, 400, 800, 680), 46, "#b8322a")
    pen.round((250, 330, 660, 790), 60, "#c8382e")
    pen.oval((250, 290, 660, 400), "#8f241d")
    pen.round((300, 420, 345, 720), 22, "#dd6158")


def _flask(pen: Pen) -> None:
    pen.round((400, 150, 600, 300), 40, "#3b4653")
    pen.round((350, 280, 650, 880), 70, "#2f7f86")
    pen.round((350, 560, 650, 640), 0, "#e8e2d4")
    pen.round((395, 340, 430, 820), 17, "#5aa5aa")


def _tote(pen: Pen) -> None:
    pen.ring((370, 130, 630, 520), 30, "#a97c50")
    pen.shape(230, 380, 770, 380, 830, 860, 170, 860, colour="#d9b382")
    pen.line(230, 430, 770, 430, width=8, colour="#a97c50")
    pen.oval((430, 560, 570, 700), "#6f8f5e")


def _lamp(pen: Pen) -> None:
    pen.round((330, 830, 670, 880), 24, "#444b55")
    pen.line(500, 840, 500, 420, width=26, colour="#5a626e")
    pen.shape(380, 200, 620, 200, 740, 480, 260, 480, colour="#e5b44a")
    pen.round((260, 470, 740, 495), 10, "#f6dd9a")


def _cushion(pen: Pen) -> None:
    pen.shape(
        200, 230, 500, 270, 800, 230, 770, 520, 800, 810, 500, 770, 200, 810, 230, 520, colour="#4f6d9c"
    )
    for x in (350, 450, 550, 650):
        pen.line(x, 270, x, 770, width=14, colour="#7f9ac4")


def _plant(pen: Pen) -> None:
    for x, y in ((330, 260), (500, 170), (670, 260), (410, 380), (600, 380)):
        pen.line(500, 640, x, y + 60, width=14, colour="#3f7042")
        pen.oval((x - 75, y - 60, x + 75, y + 110), "#5b9a5a")
    pen.shape(340, 610, 660, 610, 610, 870, 390, 870, colour="#c4704a")
    pen.round((320, 590, 680, 660), 14, "#d88a66")


def _clock(pen: Pen) -> None:
    pen.oval((210, 210, 790, 790), "#2e3440")
    pen.oval((250, 250, 750, 750), "#fbfaf6")
    pen.line(500, 500, 500, 320, width=22, colour="#2e3440")
    pen.line(500, 500, 630, 570, width=22, colour="#2e3440")
    pen.oval((475, 475, 525, 525), "#c8382e")


def _shoes(pen: Pen) -> None:
    pen.shape(150, 520, 300, 430, 480, 560, 800, 640, 850, 730, 150, 730, colour="#f1efe9")
    pen.round((140, 715, 870, 785), 30, "#37507e")
    pen.shape(150, 520, 300, 430, 330, 520, 190, 620, colour="#37507e")
    for step in range(3):
        pen.line(
            400 + 70 * step, 540 + 22 * step, 350 + 70 * step, 600 + 22 * step, width=16, colour="#c8382e"
        )


def _candle(pen: Pen) -> None:
    pen.oval((470, 200, 530, 330), "#f2a93b")
    pen.line(500, 310, 500, 400, width=10, colour="#3b3b3b")
    pen.round((320, 390, 680, 860), 40, "#efe6d8")
    pen.round((390, 540, 610, 700), 12, "#7a8f6b")


@dataclass(frozen=True)
class Article:
    """One article of the shop."""

    zh: str
    en: str
    draw: Callable[[Pen], None]
    backdrop: str

    def name(self, language: str) -> str:
        return self.zh if language == "zh-CN" else self.en


ARTICLES = (
    Article("陶瓷马克杯", "ceramic-mug", _mug, "#efe9df"),
    Article("保温杯", "steel-flask", _flask, "#e3ebec"),
    Article("帆布包", "canvas-tote", _tote, "#eef0e6"),
    Article("台灯", "desk-lamp", _lamp, "#e4e6ec"),
    Article("抱枕", "cushion", _cushion, "#f1ece6"),
    Article("盆栽", "potted-plant", _plant, "#e9efe6"),
    Article("挂钟", "wall-clock", _clock, "#e7e2da"),
    Article("帆布鞋", "sneakers", _shoes, "#dfe6ee"),
    Article("香薰蜡烛", "scented-candle", _candle, "#e6ddd3"),
)


def draw(article: Article, size: tuple[int, int] = (SIDE_PX, SIDE_PX)) -> Image.Image:
    """The article on its backdrop, with a soft shadow."""
    side = min(size) * _OVER
    body = Image.new("RGBA", (side, side))
    article.draw(Pen(body))
    body = body.resize((min(size), min(size)), Image.Resampling.LANCZOS)
    image = Image.new("RGB", size, article.backdrop)
    shade = Image.linear_gradient("L").resize(size).point([value // 5 for value in range(256)])
    image.paste("#8d877c", mask=shade)
    at = ((size[0] - body.width) // 2, (size[1] - body.height) // 2)
    shadow = (
        body.getchannel("A").filter(ImageFilter.GaussianBlur(side / 90)).point([v // 3 for v in range(256)])
    )
    image.paste("#3b372f", (at[0] + side // 90, at[1] + side // 60), shadow)
    image.paste(body, at, body)
    return image


def photo(index: int, language: str, size: tuple[int, int] = (SIDE_PX, SIDE_PX)) -> Upload:
    """The picture of an article, as a shop has it: a JPEG with a name that says what it is."""
    article = ARTICLES[index % len(ARTICLES)]
    buffer = io.BytesIO()
    draw(article, size).save(buffer, "JPEG", quality=88)
    return Upload(f"{article.name(language)}.jpg", buffer.getvalue(), "image/jpeg")


def photos(count: int, language: str) -> list[Upload]:
    return [photo(index, language) for index in range(count)]


def catalogue_pdf(pages: int = 4) -> bytes:
    """A PDF whose pages are articles, as a supplier scans a catalogue."""
    sheets = [draw(article, (850, 1100)) for article in ARTICLES[:pages]]
    buffer = io.BytesIO()
    sheets[0].save(buffer, "PDF", save_all=True, append_images=sheets[1:], resolution=100)
    return buffer.getvalue()


def shelf(language: str) -> Upload:
    """Mug, flask and lamp side by side, for boxes; the words know where they stand."""
    image = Image.new("RGB", (1500, 1000), "#e9e4da")
    ImageDraw.Draw(image).rectangle((0, 840, 1500, 1000), fill="#cfc4b2")
    for left, index, side in ((-30, 0, 620), (400, 1, 760), (960, 3, 600)):
        body = Image.new("RGBA", (side * _OVER, side * _OVER))
        ARTICLES[index].draw(Pen(body))
        body = body.resize((side, side), Image.Resampling.LANCZOS)
        bounds = body.getbbox() or (0, 0, side, side)
        at = (left, 900 - bounds[3])
        shadow = body.getchannel("A").filter(ImageFilter.GaussianBlur(12)).point([v // 3 for v in range(256)])
        image.paste("#3b372f", (at[0] + 14, at[1] + 16), shadow)
        image.paste(body, at, body)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return Upload("货架.jpg" if language == "zh-CN" else "shelf.jpg", buffer.getvalue(), "image/jpeg")
