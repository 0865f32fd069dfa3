"""What is sent of a picture: its size, its direction, its colours, and that the strip says so.

The engine is the fake one: nano sees two small pictures.
"""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import expect

from tests.support import photos
from tests.support.browser import ChatPage, Upload
from tests.support.page_server import PageServer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def photo() -> Upload:
    return Upload("产品.jpg", photos.photo(), "image/jpeg")


def _wait_sent(chat: ChatPage, text: str | re.Pattern[str], timeout_ms: int = 20_000) -> None:
    expect(chat.strip.last).to_contain_text(text, timeout=timeout_ms)


def test_a_photograph_is_sent_as_large_as_the_model_sees_and_the_strip_says_so(
    chat: ChatPage, server: PageServer, photo: Upload
) -> None:
    chat.drop(photo)
    _wait_sent(chat, re.compile(r"4032 × 3024"))
    _wait_sent(chat, re.compile(r"→ 2336 × 1760"))
    _wait_sent(chat, re.compile(r"4,015 词元"))
    chat.ask("这是什么？")
    sent = server.pictures()[0].open()
    assert sent.size == (2336, 1760)
    red = sent.convert("RGB").getpixel((100, 100))
    assert isinstance(red, tuple)
    assert red[0] > 200
    assert red[1] < 60


def test_each_picture_has_its_own_switch(chat: ChatPage, server: PageServer, photo: Upload) -> None:
    other = Upload("zwei.jpg", photos.photo((1600, 1200)), "image/jpeg")
    chat.drop(photo, other)
    expect(chat.by_id("send-mode")).to_have_count(2, timeout=20_000)
    chat.by_id("send-mode").first.select_option("fast")
    expect(chat.strip.first).to_contain_text("→ 1152 × 864")
    expect(chat.strip.first).to_contain_text("972 词元")
    chat.by_id("send-mode").last.select_option("original")
    _wait_sent(chat, "原样发送")
    chat.page.reload()  # the choice is part of the draft
    expect(chat.strip.first).to_contain_text("→ 1152 × 864")
    chat.ask("比较两张图。")
    first, second = server.pictures()
    assert first.open().size == (1152, 864)
    original = Image.open(io.BytesIO(other.data))
    assert second.media_type == "image/jpeg"
    assert second.open().size == original.size
    assert ImageChops.difference(second.open(), original).getbbox() is None, "every pixel of the original"
    assert not second.open().getexif(), "but nothing about the camera, or where it was"


def test_the_default_is_in_the_settings(chat: ChatPage, photo: Upload) -> None:
    chat.by_id("settings-open").click()
    chat.page.get_by_role("dialog").get_by_text("快速", exact=True).click()
    chat.page.keyboard.press("Escape")
    chat.drop(photo)
    _wait_sent(chat, "→ 1152 × 864")


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_photographs_are_turned_upright(chat: ChatPage, server: PageServer, orientation: int) -> None:
    data = photos.photo((1600, 1200), orientation=orientation)
    chat.drop(Upload("phone.jpg", data, "image/jpeg"))
    expect(chat.by_id("send-mode")).to_have_count(1)
    chat.by_id("send-mode").select_option("fast")
    _wait_sent(chat, "→ 1152 × 864")
    chat.ask("？")
    corner = server.pictures()[0].open().convert("RGB").getpixel((40, 40))
    assert isinstance(corner, tuple)
    assert corner[0] > 180
    assert corner[1] < 80


def test_colours_of_another_profile_are_converted(chat: ChatPage, server: PageServer) -> None:
    """An engine takes every picture for sRGB: P3's (200, 60, 60) is a stronger red there."""
    buffer = io.BytesIO()
    plain = Image.new("RGB", (320, 320), (200, 60, 60))
    plain.save(buffer, "JPEG", quality=97, subsampling=0, icc_profile=photos.display_p3())
    chat.drop(Upload("p3.jpg", buffer.getvalue(), "image/jpeg"))
    _wait_sent(chat, "→ 320 × 320")
    chat.ask("什么颜色？")
    picture = server.pictures()[0].open().convert("RGB").getpixel((160, 160))
    assert isinstance(picture, tuple)
    assert picture[0] > 210
    assert picture[1] < 52
    chat.by_id("new-chat").click()
    buffer = io.BytesIO()
    plain.save(buffer, "JPEG", quality=97)
    chat.drop(Upload("srgb.jpg", buffer.getvalue(), "image/jpeg"))
    _wait_sent(chat, "原样发送")


_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50" onload="window.hacked = 1">
<script>window.hacked = 1</script>
<image href="http://192.0.2.1/evil.png" width="10" height="10"/>
<rect width="50" height="50" fill="#0000ff"/><rect x="50" width="50" height="50" fill="#00ff00"/></svg>"""


def test_a_drawing_becomes_pixels_and_runs_nothing(chat: ChatPage, server: PageServer) -> None:
    asked_outside: list[str] = []
    chat.page.on("request", lambda r: asked_outside.append(r.url) if "192.0.2" in r.url else None)
    chat.drop(Upload("drawing.svg", _SVG.encode(), "image/svg+xml"))
    _wait_sent(chat, "→ 2048 × 1024")
    chat.ask("？")
    sent = server.pictures()[0]
    image = sent.open().convert("RGB")
    assert sent.media_type == "image/png"
    assert image.size == (2048, 1024)
    assert image.getpixel((300, 512)) == (0, 0, 255)
    assert image.getpixel((1500, 512)) == (0, 255, 0)
    assert chat.page.evaluate("() => window.hacked") is None
    assert asked_outside == []


def _encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (200, 100), colour) for colour in ("#ff0000", "#0000ff")]
    if kind == "GIF":
        frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], duration=50)
    else:
        frames[0].save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "GIF", "BMP"])
def test_other_formats_are_taken(chat: ChatPage, server: PageServer, kind: str) -> None:
    chat.drop(Upload(f"a.{kind.lower()}", _encoded(kind), f"image/{kind.lower()}"))
    expect(chat.strip).to_contain_text("200 × 100")
    chat.ask("？")
    first = server.pictures()[0].open().convert("RGB").getpixel((100, 50))
    assert isinstance(first, tuple)
    assert first[0] > 240
    assert max(first[1:]) < 20


def test_a_tiff_is_refused_with_the_remedy_where_the_browser_reads_none(chat: ChatPage) -> None:
    chat.drop(Upload("scan.tiff", _encoded("TIFF"), "image/tiff"))
    expect(chat.by_id("notice").filter(has_text="scan.tiff")).to_contain_text("PNG")
    expect(chat.strip).to_have_count(0)


def test_nine_photographs_at_once(chat: ChatPage, server: PageServer) -> None:
    files = [Upload("image.jpg", photos.photo((2400, 1800), seed=n), "image/jpeg") for n in range(9)]
    chat.drop(*files)
    expect(chat.by_id("send-mode")).to_have_count(9, timeout=30_000)
    chat.ask("九张图。")
    assert [text.split(" ")[0] for text in server.texts()[:9]] == [f"图{n}" for n in range(1, 10)]
    assert len(server.pictures()) == 9
