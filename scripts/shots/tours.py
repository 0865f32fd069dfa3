"""Every screen of the page, and how to get there."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from huiyan.testing.script import Reply, Status
from scripts.shots import goods
from scripts.shots.stage import Screens, Stage, Tour
from scripts.shots.tours_shop import SHOP_TOURS
from scripts.shots.words import LOOP
from tests.support import documents, pictures
from tests.support.browser import Upload


def _empty(stage: Stage) -> Screens:
    expect(stage.by_id("example").first).to_be_visible()
    yield "empty"
    stage.chat.page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["x"], "a.png", { type: "image/png" }));
          for (const name of ["dragenter", "dragover"])
            document.body.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true }));
        }"""
    )
    expect(stage.by_id("drop-overlay")).to_be_visible()
    yield "dragging"


def _demo(stage: Stage) -> Screens:
    """Nano itself, with a picture that it can read."""
    chinese = stage.language == "zh-CN"
    stage.chat.wait_engine("ready")
    expect(stage.by_id("demo-banner")).to_be_visible()
    yield "demo"
    stage.drop(
        Upload.of(stage.pictures / ("01_product_card_zh.png" if chinese else "02_product_card_en.png"))
    )
    stage.strip_ready(1)
    stage.ask(
        "提取商品名称、价格和规格，用JSON返回。"
        if chinese
        else "Extract the product name, price and spec as JSON."
    )
    yield "demo-answer"


def _strip(stage: Stage) -> Screens:
    stage.drop(goods.photo(0, stage.language, (3200, 2400)))
    stage.strip_ready(1)
    yield "strip-one"
    files = goods.photos(9, stage.language)
    stage.drop(*files[1:])
    stage.strip_ready(9)
    stage.chat.composer.fill(stage.words.draft)
    yield "strip-nine"
    stage.drop(Upload(f"10-{files[0].name}", files[0].data, files[0].media_type))
    expect(stage.by_id("notice").first).to_be_visible()
    yield "strip-tenth"


def _streaming(stage: Stage) -> Screens:
    stage.drop(*goods.photos(3, stage.language))
    stage.strip_ready(3)
    # It goes on for longer than the pictures take.
    stage.engine.script(Reply(text=stage.words.rich + " … " * 400, chunk_chars=2, delay_s=0.15))
    stage.chat.send(stage.words.ask)
    expect(stage.chat.answers.last.locator("h2")).to_be_visible(timeout=30_000)
    yield "streaming"


def _answer(stage: Stage) -> Screens:
    stage.drop(*goods.photos(3, stage.language))
    stage.strip_ready(3)
    stage.ask(stage.words.ask, stage.words.rich)
    expect(stage.chat.page.locator(".md-diagram img")).to_be_visible(timeout=30_000)
    expect(stage.chat.page.locator(".katex-html").first).to_be_visible()
    yield "answer"
    stage.chat.page.locator("main").evaluate("(main) => main.scrollTo(0, 0)")
    expect(stage.by_id("to-newest")).to_be_visible()
    yield "answer-top"


def _boxes(stage: Stage) -> Screens:
    stage.drop(goods.shelf(stage.language))
    stage.strip_ready(1)
    stage.ask(stage.words.ask_boxes, stage.words.boxes)
    expect(stage.chat.answers.last.get_by_test_id("mark")).to_have_count(3)
    stage.chat.page.locator(".mark-text[role=button]").nth(1).click()
    yield "boxes"
    stage.by_id("marks-enlarge").click()
    expect(stage.by_id("lightbox").get_by_test_id("mark")).to_have_count(3)
    yield "lightbox-boxes"


def _region(stage: Stage) -> Screens:
    stage.drop(goods.shelf(stage.language), goods.photo(0, stage.language))
    stage.strip_ready(2)
    stage.chat.strip.first.get_by_role("button").first.click()
    expect(stage.by_id("lightbox").locator("img")).to_be_visible()
    yield "lightbox"
    stage.by_id("region-start").click()
    expect(stage.by_id("region")).to_be_focused()
    yield "region"


def _grid(stage: Stage) -> Screens:
    chinese = stage.language == "zh-CN"
    stage.drop(Upload.of(stage.pictures / ("05_table_zh.png" if chinese else "06_table_en.png")))
    stage.strip_ready(1)
    stage.ask(stage.words.ask_table, stage.words.table)
    stage.chat.answers.last.locator(".md-open").first.click()
    expect(stage.by_id("grid")).to_be_visible()
    press = stage.chat.page.keyboard.press
    press("ArrowDown")
    press("ArrowRight")
    press("Shift+ArrowDown")
    yield "table-grid"


def _history(stage: Stage) -> Screens:
    for question, answer in stage.words.earlier:
        stage.ask(question, answer)
        stage.by_id("new-chat").click()
        expect(stage.chat.questions).to_have_count(0)
    stage.ask(stage.words.ask_price, stage.words.price)
    stage.by_id("history-open").click()
    expect(stage.by_id("history-item")).to_have_count(5)
    yield "history"
    stage.by_id("history-search").fill(stage.words.search)
    expect(stage.by_id("history-item")).to_have_count(2)
    yield "history-search"
    stage.by_id("history-search").fill(stage.words.no_hit)
    expect(stage.by_id("history-item")).to_have_count(0)
    yield "history-nothing"
    stage.by_id("history-search").fill("")
    stage.by_id("transfer-open").click()
    expect(stage.by_id("export-archive")).to_be_visible()
    yield "transfer"


def _settings(stage: Stage) -> Screens:
    stage.by_id("shortcuts-open").dispatch_event("click")  # a phone has no button for it
    expect(stage.chat.page.get_by_role("dialog")).to_be_visible()
    yield "shortcuts"
    stage.chat.page.keyboard.press("Escape")
    stage.by_id("settings-open").click()
    expect(stage.by_id("system-prompt")).to_be_visible()
    yield "settings"
    stage.by_id("storage-state").scroll_into_view_if_needed()
    yield "settings-end"


def _context(stage: Stage) -> Screens:
    stage.ask(stage.words.ask_price, stage.words.price)
    stage.by_id("pin").first.dispatch_event("click")
    for n in range(1, 4):
        stage.ask(", ".join(stage.words.long_line.format(n=n, m=m) for m in range(60)), stage.words.price)
    ledger = stage.chat.answers.last.get_by_test_id("ledger")
    ledger.locator("summary").first.click()
    expect(ledger.get_by_test_id("ledger-total")).to_be_visible()
    yield "ledger"
    stage.chat.composer.fill(stage.words.ask_price)
    stage.by_id("context-meter").click()
    expect(stage.by_id("context-preview").get_by_test_id("ledger-row").last).to_be_visible()
    yield "meter"


def _documents(stage: Stage) -> Screens:
    stage.drop(Upload("catalogue.pdf", goods.catalogue_pdf(), "application/pdf"))
    expect(stage.by_id("document-preview").locator("img[src]")).to_have_count(4, timeout=30_000)
    expect(stage.by_id("document-cost")).to_contain_text(re.compile(r"\d"))
    yield "pdf"
    stage.chat.page.keyboard.press("Escape")
    stage.drop(Upload("prices.pdf", documents.chinese_pdf(), "application/pdf"))
    dialog = stage.chat.page.get_by_role("dialog", name="prices.pdf")
    dialog.get_by_text("文字" if stage.language == "zh-CN" else "Text", exact=True).click(timeout=30_000)
    expect(dialog).to_contain_text("红富士苹果")
    yield "pdf-text"
    stage.chat.page.keyboard.press("Escape")
    browser = stage.chat.page.context.browser
    assert browser
    stage.drop(Upload("clip.webm", documents.recorded_webm(browser), "video/webm"))
    expect(stage.by_id("document-preview").locator("img[src]").first).to_be_visible(timeout=30_000)
    expect(stage.by_id("document-cost")).to_contain_text(re.compile(r"\d"))
    yield "video"


def _offline(stage: Stage) -> Screens:
    stage.ask(stage.words.ask_price, stage.words.price)
    stage.chat.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    stage.chat.page.context.set_offline(True)
    stage.chat.page.reload()  # what is open already does not notice
    stage.chat.wait_connection("offline")
    stage.chat.composer.fill(stage.words.ask)
    stage.by_id("send").click()
    expect(stage.chat.answers.last).to_have_attribute("data-status", "waiting")
    yield "gateway-down"


def _loading(stage: Stage) -> Screens:
    stage.chat.wait_engine("loading")
    stage.chat.composer.fill(stage.words.ask_price)
    stage.by_id("send").click()
    expect(stage.chat.answers.last).to_have_attribute("data-status", "waiting")
    yield "engine-loading"


def _failed(stage: Stage) -> Screens:
    stage.chat.wait_engine("failed")
    yield "engine-failed"


def _refused(stage: Stage) -> Screens:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    bodies = (b"PK\3\4 no picture", heic, pictures.picture("TIFF"), b"")
    stage.drop(
        *(Upload(name, body, "image/png") for name, body in zip(stage.words.refused, bodies, strict=True))
    )
    expect(stage.by_id("notice")).to_have_count(4)
    yield "refused-files"


def _went_wrong(stage: Stage) -> Screens:
    stage.engine.script(Status(status=400, message="failed to decode image"))
    stage.chat.send(stage.words.ask_price)
    stage.chat.wait_status("error")
    yield "refused-request"
    stage.by_id("new-chat").click()
    stage.engine.script(Reply(text=stage.words.rich, chunk_chars=12, delay_s=0.1))
    stage.chat.send(stage.words.ask)
    stage.chat.wait_first_words()
    stage.by_id("stop").click()
    stage.chat.wait_status("stopped")
    yield "stopped"
    stage.by_id("new-chat").click()
    stage.engine.script(
        Reply(text=LOOP[stage.language] * 400, chunk_chars=24, delay_s=0.005, ignores_max_tokens=True),
        Reply(text=stage.words.price, chunk_chars=8),
    )
    stage.chat.send(stage.words.ask_price)
    expect(stage.chat.answers.last.get_by_test_id("attempt")).to_be_visible(timeout=30_000)
    stage.chat.wait_done()
    yield "second-attempt"


TOURS = (
    Tour(("empty", "dragging"), _empty),
    Tour(("demo", "demo-answer"), _demo, nano=True),
    Tour(("strip-one", "strip-nine", "strip-tenth"), _strip),
    Tour(("streaming",), _streaming),
    Tour(("answer", "answer-top"), _answer),
    Tour(("boxes", "lightbox-boxes"), _boxes),
    Tour(("lightbox", "region"), _region),
    Tour(("table-grid",), _grid),
    Tour(("history", "history-search", "history-nothing", "transfer"), _history),
    Tour(("shortcuts", "settings", "settings-end"), _settings),
    Tour(("ledger", "meter"), _context, settings={"contextLimit": 2600, "maxTokens": 200}),
    Tour(("pdf", "pdf-text", "video"), _documents),
    Tour(("gateway-down",), _offline),
    Tour(("engine-loading",), _loading, server="loading"),
    Tour(("engine-failed",), _failed, server="failed"),
    Tour(("refused-files",), _refused),
    Tour(("refused-request", "stopped", "second-attempt"), _went_wrong),
    *SHOP_TOURS,
)
