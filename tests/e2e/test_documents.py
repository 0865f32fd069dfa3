"""PDF documents and videos: pages and frames as pictures with their labels, or as text; and clear words."""

from __future__ import annotations

import itertools
import re

import pytest
from playwright.sync_api import Browser, expect

from tests.support import documents, pictures
from tests.support.browser import ChatPage, Upload
from tests.support.page_server import PageServer

pytestmark = pytest.mark.browser

PDF = "application/pdf"


def test_pages_of_a_pdf_become_labelled_pictures(chat: ChatPage, server: PageServer) -> None:
    chat.drop(Upload("手册.pdf", documents.scanned_pdf(), PDF))
    expect(chat.page.get_by_role("dialog", name="手册.pdf")).to_be_visible(timeout=20_000)
    expect(chat.by_id("document-range")).to_have_value("1-3")
    expect(chat.by_id("document-preview").locator("img[src]")).to_have_count(3)
    chat.by_id("document-range").fill("1,3")
    expect(chat.by_id("document-cost")).to_contain_text(re.compile(r"共 [\d,]+ 词元"))
    chat.by_id("document-add").click()
    expect(chat.strip).to_have_count(2, timeout=20_000)
    expect(chat.strip.last).to_contain_text("第 3 页")
    chat.ask("有什么不同？")
    assert [text for text in server.texts() if "Picture" in text] == [
        "图1 / Picture 1 (第 1 页): ",
        "图2 / Picture 2 (第 3 页): ",
    ]
    first, last = (picture.open().convert("RGB") for picture in server.pictures())
    assert first.width * first.height > 2_000_000, "enough to read small print"
    corner = last.getpixel((20, 20))
    assert isinstance(corner, tuple)
    assert max(map(abs, (corner[0] - 160, corner[1] - 80, corner[2] - 100))) < 12


def test_a_pdf_in_chinese_is_added_as_text(chat: ChatPage, server: PageServer) -> None:
    chat.drop(Upload("价目.pdf", documents.chinese_pdf(), PDF))
    dialog = chat.page.get_by_role("dialog", name="价目.pdf")
    dialog.get_by_text("文字", exact=True).click()
    expect(dialog).to_contain_text("商品名称：红富士苹果")
    expect(chat.by_id("document-cost")).to_contain_text("词元")
    chat.by_id("document-add").click()
    expect(chat.composer).to_have_value(
        re.compile("《价目.pdf》[^]*第 1 页[^]*价格：5.80元".replace("[^]", r"[\s\S]"))
    )
    chat.composer.press("End")
    chat.by_id("send").click()
    chat.wait_done()
    assert "红富士苹果" in str(server.asked()["messages"][-1]["content"])
    assert server.engine.completions[-1].body.count(b"image_url") == 0


def test_a_pdf_in_chinese_is_drawn(chat: ChatPage, server: PageServer) -> None:
    """The character map comes from the page's own host; ink is where the letters are."""
    chat.drop(Upload("价目.pdf", documents.chinese_pdf(), PDF))
    chat.by_id("document-add").click(timeout=20_000)
    expect(chat.by_id("send-mode")).to_have_count(1, timeout=20_000)
    chat.ask("？")
    picture = server.pictures()[0].open().convert("L")
    scale = picture.width / 612
    line = picture.crop((round(72 * scale), round(65 * scale), round(330 * scale), round(98 * scale)))
    dark = sum(line.histogram()[:128])
    assert dark > 0.02 * line.width * line.height


def test_a_scan_says_that_it_has_no_text(chat: ChatPage) -> None:
    chat.drop(Upload("scan.pdf", documents.scanned_pdf(1), PDF))
    chat.page.get_by_role("dialog", name="scan.pdf").get_by_text("文字", exact=True).click()
    expect(chat.by_id("document-cost")).to_contain_text("扫描件")
    chat.page.keyboard.press("Escape")


@pytest.mark.parametrize("pages", ["0", "4", "x", "3-1"])
def test_pages_that_are_not_there_are_refused(chat: ChatPage, pages: str) -> None:
    chat.drop(Upload("a.pdf", documents.scanned_pdf(), PDF))
    chat.by_id("document-range").fill(pages)
    expect(chat.by_id("document-cost")).to_contain_text("1 到 3")
    expect(chat.by_id("document-add")).to_be_disabled()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (documents.locked_pdf(), "密码"),
        (b"%PDF-1.7\nnot really", "损坏"),
        (documents.scanned_pdf()[:2000], "损坏"),
    ],
    ids=["password", "garbage", "truncated"],
)
def test_a_pdf_that_cannot_be_opened_is_refused_with_a_word(chat: ChatPage, data: bytes, word: str) -> None:
    chat.composer.fill("草稿")
    chat.drop(Upload("合同.pdf", data, PDF))
    # Beside the word that it is being opened.
    refusal = chat.by_id("notice").filter(has_text="合同.pdf").filter(has_text=word)
    expect(refusal).to_be_visible(timeout=20_000)
    expect(chat.page.get_by_role("dialog")).to_have_count(0)
    expect(chat.composer).to_have_value("草稿")


def test_several_documents_are_asked_about_one_after_the_other(chat: ChatPage) -> None:
    chat.drop(
        Upload("eins.pdf", documents.scanned_pdf(1), PDF),
        Upload("bild.png", pictures.picture(), "image/png"),
        Upload("zwei.pdf", documents.scanned_pdf(2), PDF),
    )
    expect(chat.page.get_by_role("dialog", name="eins.pdf")).to_be_visible(timeout=20_000)
    chat.by_id("document-add").click()
    expect(chat.page.get_by_role("dialog", name="zwei.pdf")).to_be_visible()
    chat.by_id("document-add").click()
    expect(chat.strip).to_have_count(4, timeout=20_000)


@pytest.fixture(scope="module")
def clip(browser: Browser) -> bytes:
    return documents.recorded_webm(browser)


def test_frames_of_a_video_become_pictures_with_their_times(
    chat: ChatPage, server: PageServer, clip: bytes
) -> None:
    chat.drop(Upload("clip.webm", clip, "video/webm"))
    expect(chat.page.get_by_role("dialog", name="clip.webm")).to_be_visible(timeout=20_000)
    chat.by_id("document-frames").fill("3")
    expect(chat.by_id("document-preview").locator("img[src]")).to_have_count(3)
    expect(chat.by_id("document-cost")).to_contain_text("词元")
    chat.by_id("document-add").click()
    expect(chat.by_id("send-mode")).to_have_count(3, timeout=20_000)
    chat.ask("发生了什么？")
    labels = [re.fullmatch(r"图\d / Picture \d \((\d:\d\d\.\d)\): ", text) for text in server.texts()[:3]]
    times = [float(label[1].split(":")[1]) for label in labels if label]
    assert len(times) == 3
    assert times == sorted(times)
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert abs(steps[0] - steps[1]) <= 0.11, "even times"
    colours = [picture.open().convert("RGB").getpixel((320, 180)) for picture in server.pictures()]
    strongest = [
        max(range(3), key=lambda channel: colour[channel]) for colour in colours if isinstance(colour, tuple)
    ]
    assert strongest == [0, 1, 2], "red, green, blue: the frames are of their times"


def test_a_video_that_cannot_be_played_is_refused_with_a_word(chat: ChatPage) -> None:
    chat.drop(Upload("film.mp4", b"\0\0\0\x18ftypisom" + bytes(500), "video/mp4"))
    expect(chat.by_id("notice").filter(has_text="film.mp4")).to_contain_text("WebM", timeout=20_000)


def test_the_readers_are_fetched_only_then(chat: ChatPage) -> None:
    fetched: list[str] = []
    chat.page.on("request", lambda request: fetched.append(request.url))
    chat.page.reload()
    chat.page.wait_for_timeout(2_500)
    assert [url for url in fetched if "pdf" in url] == []
