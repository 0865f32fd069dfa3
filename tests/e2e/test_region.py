"""Asking about a part of a picture: drawn by mouse or keyboard, cut out of the original's own pixels."""

from __future__ import annotations

import io
import re
from pathlib import Path

import msgspec
import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser, expect

from tests.support import photos
from tests.support.browser import ChatPage, Upload
from tests.support.page_server import LARGE_CARD, PageServer, page_server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shapes(sample_images: Path) -> Upload:
    return Upload.of(sample_images / "10_shapes.png")


def _enlarge(chat: ChatPage, *pictures: Upload) -> None:
    """Put pictures into the strip and open the first of them, ready to draw."""
    chat.drop(*pictures)
    expect(chat.strip).to_have_count(len(pictures))
    expect(chat.strip.last).to_have_attribute("data-state", "ready", timeout=30_000)
    chat.strip.first.get_by_role("button").first.click()
    expect(chat.by_id("lightbox").locator("img")).to_be_visible()
    chat.by_id("region-start").click()
    expect(chat.by_id("region")).to_be_focused()


def _drag(chat: ChatPage, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a rectangle; both corners in parts of the picture."""
    box = chat.by_id("region-layer").bounding_box()
    assert box
    x = [box["x"] + part * box["width"] for part in (start[0], end[0])]
    y = [box["y"] + part * box["height"] for part in (start[1], end[1])]
    chat.page.mouse.move(x[0], y[0])
    chat.page.mouse.down()
    chat.page.mouse.move(x[1], y[1], steps=4)
    chat.page.mouse.up()


def _size(chat: ChatPage) -> tuple[int, int, int, int]:
    """x, y, width and height as the page tells them."""
    position, size = chat.by_id("region-size").inner_text().split(" · ")
    x, y = (int(n) for n in position.split(", "))
    width, height = (int(n) for n in size.split(" × "))
    return x, y, width, height


def _ask(chat: ChatPage, server: PageServer) -> Image.Image:
    """Send what is in the strip; returns the last picture as the engine got it."""
    server.answer("好。")
    chat.ask("这里是什么？")
    return server.pictures()[-1].open()


def test_drawn_region_comes_from_the_original_pixels_and_knows_its_origin(
    chat: ChatPage, server: PageServer, shapes: Upload
) -> None:
    _enlarge(chat, shapes)
    _drag(chat, (0.05, 0.1), (0.4, 0.7))
    # the first rectangle lies in the middle, so this drag began beside it
    x, y, width, height = _size(chat)
    assert (x, y, x + width, y + height) == pytest.approx((22, 32, 179, 224), abs=2)
    chat.by_id("region-ask").click()
    expect(chat.strip).to_have_count(2)
    expect(chat.composer).to_be_focused()
    name = f"图1 ({x},{y} {width}x{height})"
    expect(chat.strip.last.get_by_role("button").first).to_have_attribute("title", name)
    expect(chat.strip.last).to_have_attribute("data-state", "ready")
    cropped = _ask(chat, server).convert("RGB")
    with Image.open(io.BytesIO(shapes.data)) as original:
        expected = original.convert("RGB").crop((x, y, x + width, y + height))
    assert ImageChops.difference(cropped, expected).getbbox() is None, "every pixel is the original's"
    origin = chat.page.evaluate(
        """() => new Promise((resolve, reject) => {
          const open = indexedDB.open("huiyan");
          open.onerror = () => reject(open.error);
          open.onsuccess = () => {
            const all = open.result.transaction("messages").objectStore("messages").getAll();
            all.onsuccess = () => resolve(all.result.find((one) => one.images.length === 2).images);
          };
        })"""
    )
    assert origin[0].get("origin") is None
    kept = {key: origin[1]["origin"][key] for key in ("x", "y", "width", "height", "name")}
    assert kept == {"x": x, "y": y, "width": width, "height": height, "name": "10_shapes.png"}
    assert origin[1]["origin"]["sha256"] == origin[0]["sha256"]


def test_photo_of_a_phone_is_cut_the_right_way_up(chat: ChatPage, server: PageServer) -> None:
    """Stored on its side: the red square at the top left of what is seen comes out, from 12 megapixels."""
    _enlarge(chat, Upload("phone.jpg", photos.photo(orientation=6), "image/jpeg"))
    _drag(chat, (0.02, 0.02), (0.2, 0.2))
    _, _, width, height = _size(chat)
    assert width * height > 300_000, "of the original, not of what the window shows"
    chat.by_id("region-ask").click()
    expect(chat.strip).to_have_count(2)
    expect(chat.strip.last).to_have_attribute("data-state", "ready")
    cropped = _ask(chat, server).convert("RGB").resize((8, 8))
    red, green, blue = (cropped.getchannel(band).tobytes() for band in "RGB")
    assert min(red) > 190
    assert max(*green, *blue) < 70


def test_keyboard_draws_moves_and_asks(chat: ChatPage, server: PageServer, shapes: Upload) -> None:
    _enlarge(chat, shapes)
    assert _size(chat) == (112, 80, 224, 160)
    press = chat.page.keyboard.press
    press("ArrowLeft")
    press("ArrowUp")
    press("Control+ArrowUp")
    press("Shift+ArrowRight")
    press("Shift+Control+ArrowDown")
    assert _size(chat) == (112 - 9, 80 - 9 - 1, 224 + 9, 160 + 1)
    expect(chat.by_id("region")).to_have_accessible_name(re.compile("左 103，上 70，宽 233，高 161"))
    press("Escape")
    expect(chat.by_id("region")).to_have_count(0)
    expect(chat.by_id("lightbox")).to_be_visible()
    chat.by_id("region-start").click()
    press("Enter")
    expect(chat.by_id("lightbox")).to_have_count(0)
    expect(chat.strip).to_have_count(2)
    assert _ask(chat, server).size == (224, 160)


def test_tiny_region_is_enlarged_and_the_page_says_so(
    chat: ChatPage, server: PageServer, shapes: Upload
) -> None:
    _enlarge(chat, shapes)
    _drag(chat, (0.02, 0.02), (0.08, 0.07))
    _, _, width, height = _size(chat)
    assert max(width, height) < 64
    factor = -(-64 // min(width, height))
    expect(chat.by_id("lightbox")).to_contain_text(f"放大 {factor} 倍")
    chat.by_id("region-ask").click()
    expect(chat.by_id("notice").filter(has_text=f"已放大 {factor} 倍")).to_be_visible()
    assert _ask(chat, server).size == (width * factor, height * factor)


def test_region_is_drawn_on_a_zoomed_picture_too(chat: ChatPage, server: PageServer, shapes: Upload) -> None:
    _enlarge(chat, shapes)
    chat.page.keyboard.press("Escape")
    chat.by_id("zoom-in").click()
    chat.by_id("zoom-in").click()
    chat.by_id("region-start").click()
    _drag(chat, (0.4, 0.4), (0.6, 0.6))
    x, y, width, height = _size(chat)
    # inside of the rectangle in the middle: it moves with the pointer
    assert (width, height) == (224, 160)
    assert (x, y) == pytest.approx((112 + 0.2 * 448, 80 + 0.2 * 320), abs=2)


def test_full_strip_says_so_before_anything_is_lost(browser: Browser, shapes: Upload) -> None:
    with page_server(msgspec.structs.replace(LARGE_CARD, max_images=1)) as server:
        context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 860})
        chat = ChatPage(context.new_page(), server.url).open()
        chat.wait_connection("online")
        _enlarge(chat, shapes)
        expect(chat.by_id("region-ask")).to_be_disabled()
        expect(chat.by_id("lightbox")).to_contain_text("At most 1 pictures at a time")
        assert chat.errors == []
        context.close()
