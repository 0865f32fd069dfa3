"""The pictures above the input: their order by keyboard and mouse, the tenth one, and what is refused."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.support import pictures
from tests.support.browser import ChatPage, Upload
from tests.support.page_server import PageServer, page_server
from tests.support.products import product, products

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server() as served:
        yield served


def _open(browser: Browser, server: PageServer, locale: str = "zh-CN") -> ChatPage:
    context = browser.new_context(locale=locale, viewport={"width": 1280, "height": 860})
    chat = ChatPage(context.new_page(), server.url).open()
    chat.wait_connection("online")
    return chat


@pytest.fixture
def chat(browser: Browser, server: PageServer) -> Iterator[ChatPage]:
    server.engine.reset()
    chat = _open(browser, server)
    yield chat
    assert chat.errors == []
    chat.page.context.close()


def _expect_names(chat: ChatPage, *names: str) -> None:
    """The pictures' names in the order of the strip, once it is that."""
    chat.page.wait_for_function(
        """(names) => {
          const strip = [...document.querySelectorAll("[data-strip-focus]")].map((one) => one.title);
          return JSON.stringify(strip) === JSON.stringify(names);
        }""",
        arg=list(names),
    )


def _add(chat: ChatPage, *files: Upload) -> None:
    there = chat.strip.count()
    chat.drop(*files)
    expect(chat.page.locator('[data-testid=strip-item][data-state="ready"]')).to_have_count(
        there + len(files), timeout=30_000
    )


def test_pictures_stand_before_the_text_in_their_order(chat: ChatPage, server: PageServer) -> None:
    first, second = products(2)
    _add(chat, first, second)
    chat.ask("比较图1和图2。")
    kinds = [part["type"] for part in server.parts() if part["type"] == "image_url" or "比较" in part["text"]]
    assert kinds == ["image_url", "image_url", "text"]
    # Not the bytes themselves: pytest would compare megabytes of them for minutes.
    sent = [hashlib.sha256(picture.data).hexdigest() for picture in server.pictures()]
    assert sent == [hashlib.sha256(picture.data).hexdigest() for picture in (first, second)]


def test_keyboard_reorders_and_removes_pictures(chat: ChatPage) -> None:
    _add(chat, *products(3))
    press = chat.page.keyboard.press
    chat.page.locator("[data-strip-focus]").nth(2).focus()
    press("Alt+ArrowLeft")
    _expect_names(chat, "商品000.png", "商品002.png", "商品001.png")
    press("Alt+ArrowLeft")
    _expect_names(chat, "商品002.png", "商品000.png", "商品001.png")
    press("Delete")
    _expect_names(chat, "商品000.png", "商品001.png")
    press("ArrowRight")
    press("Delete")
    _expect_names(chat, "商品000.png")
    press("Delete")
    expect(chat.composer).to_be_focused()


def test_mouse_reorders_pictures(chat: ChatPage) -> None:
    _add(chat, *products(3))
    first, last = chat.strip.first.bounding_box(), chat.strip.last.bounding_box()
    assert first
    assert last
    chat.page.mouse.move(first["x"] + 30, first["y"] + 30)
    chat.page.mouse.down()
    chat.page.mouse.move(last["x"] + 30, last["y"] + 30, steps=8)
    chat.page.mouse.up()
    _expect_names(chat, "商品001.png", "商品002.png", "商品000.png")
    expect(chat.by_id("lightbox")).to_have_count(0)


def test_tenth_picture_is_refused_by_name(chat: ChatPage) -> None:
    _add(chat, *products(9))
    chat.drop(product(9))
    expect(chat.by_id("notice").filter(has_text="商品009.png")).to_contain_text("最多 9 张")
    expect(chat.strip).to_have_count(9)


#: Begins as a photo of an iPhone does; Chromium has no decoder for it, whatever follows.
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400)


def _tiff(compression: str | None = None) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "TIFF", compression=compression)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        (
            "zh-CN",
            {"HEIC": ["苹果手机", "另存为 JPEG", "兼容性最佳"], "TIFF": ["画图", "另存为 PNG 或 JPEG"]},
        ),
        (
            "en-US",
            {"HEIC": ["iPhone", "save it as JPEG", "Most Compatible"], "TIFF": ["Paint", "as PNG or JPEG"]},
        ),
    ],
)
@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        ("HEIC", "IMG_0001.HEIC", HEIC),
        ("HEIC", "微信图片.jpg", HEIC),
        ("TIFF", "扫描件.tif", _tiff()),
        ("TIFF", "扫描件.jpg", _tiff("tiff_lzw")),
        ("TIFF", "big.png", b"MM\0+\0\x08\0\0" + bytes(200)),
    ],
    ids=["heic", "heic named jpg", "tiff", "tiff named jpg", "bigtiff named png"],
)
def test_what_the_browser_cannot_read_is_refused_with_a_remedy(
    browser: Browser,
    server: PageServer,
    locale: str,
    words: dict[str, list[str]],
    kind: str,
    name: str,
    data: bytes,
) -> None:
    """By its content, whatever the name says; the good picture beside it is taken."""
    chat = _open(browser, server, locale)
    media_type = "image/jpeg" if name.endswith("jpg") else ""
    chat.drop(Upload(name, data, media_type), Upload.png(pictures.picture(), "good.png"))
    notice = chat.by_id("notice").filter(has_text=name)
    for word in (kind, *words[kind]):
        expect(notice).to_contain_text(word)
    expect(chat.strip).to_have_count(1)
    _expect_names(chat, "good.png")
    chat.page.context.close()


def test_many_files_of_one_kind_are_refused_in_one_word(chat: ChatPage) -> None:
    chat.drop(*(Upload(f"IMG_{n}.heic", HEIC, "") for n in range(6)))
    notices = chat.by_id("notice")
    expect(notices).to_have_count(1)
    expect(notices).to_contain_text(re.compile("IMG_0.heic.*IMG_2.heic.*等 6 个文件"))


def test_batch_sheet_says_why_a_file_is_not_in_it(chat: ChatPage) -> None:
    _add(chat, *products(2))
    chat.by_id("as-batch").click()
    expect(chat.by_id("batch-progress")).to_contain_text("0/2")
    chat.drop(Upload("IMG_1.heic", HEIC, ""))
    expect(chat.by_id("batch-refused")).to_contain_text(re.compile("IMG_1.heic.*另存为 JPEG"))
