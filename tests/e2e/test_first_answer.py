"""A picture is dropped, a question typed, and a true answer is read on the page."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import ChatPage, Upload
from tests.support.cards import draw_cards
from tests.support.fonts import chinese_fonts
from tests.support.installation import Huiyan
from tests.support.slow_motion import slow_motion

pytestmark = pytest.mark.browser

QUESTION = "图里写了什么？"


def test_page_answers_about_random_product_cards_4_of_5_right(page: ChatPage) -> None:
    """Random names and prices in at least two fonts: the name and the price right on 4 of 5 cards.

    Each card is dropped on the page in a chat of its own, and its answer is read from the page.
    """
    assert len(chinese_fonts()) >= 2, "install two Chinese fonts, such as fonts-wqy-zenhei and fonts-noto-cjk"
    seed = random.SystemRandom().randrange(10**6)
    cards = draw_cards(seed, 5)
    assert len({card.font.family for card in cards}) >= 2
    misread = []
    for card in cards:
        page.by_id("new-chat").click()
        page.drop(Upload.png(card.png()))
        expect(page.strip).to_have_count(1)
        answer = page.ask(QUESTION)
        if not card.is_read_right(answer):
            misread.append(f"{card}: {answer!r}")
    assert len(misread) <= 1, "\n".join([f"seed {seed}", *misread])


def test_answer_streams_onto_the_page(page: ChatPage, huiyan: Huiyan, sample_images: Path) -> None:
    """The answer grows while it is written; it does not come in one piece at its end.

    nano is done within a tenth of a second, so it is slowed down to the pace of a large model.
    """
    # What renders answers is fetched with the first one: it could come after the last token.
    page.ask("你好")
    page.page.evaluate(
        """() => {
          window.seen = [];
          new MutationObserver(() => {
            const answer = [...document.querySelectorAll("[data-testid=assistant-message]")].at(1);
            const text = answer?.querySelector("[data-testid=assistant-text]")?.innerText ?? "";
            window.seen.push([answer?.dataset.status ?? "", text.length]);
          }).observe(document.body, { subtree: true, childList: true, characterData: true });
        }"""
    )
    page.drop(Upload.of(sample_images / "09_receipt_zh.png"))
    with slow_motion(huiyan.pid_of("engine")):
        answer = page.ask("列出收据上的商品和价格。")
    seen: list[tuple[str, int]] = page.page.evaluate("() => window.seen")
    growing = {length for status, length in seen if status == "streaming"}
    assert len(growing) >= 3, "at least three lengths before it was done"
    assert max(growing) <= len(answer) + 1


def test_table_answer_is_rendered_as_a_table(page: ChatPage, sample_images: Path) -> None:
    """The answer's Markdown becomes a real table."""
    page.drop(Upload.of(sample_images / "05_table_zh.png"))
    page.ask("把表格转成Markdown。")
    table = page.answers.last.locator("table")
    expect(table.locator("th")).to_have_text(["商品", "单价", "库存"])
    expect(table.locator("tr")).to_have_count(4)


def test_two_pictures_are_compared(page: ChatPage, sample_images: Path) -> None:
    page.drop(
        Upload.of(sample_images / "03_price_tag_zh.png"), Upload.of(sample_images / "04_price_tag_en.png")
    )
    expect(page.strip).to_have_count(2)
    answer = page.ask("比较图1和图2。")
    for word in ("红富士苹果", "¥5.80", "Orange Juice", "$3.50"):
        assert word in answer


def test_banner_says_that_a_demo_model_answers(page: ChatPage) -> None:
    banner = page.by_id("demo-banner")
    expect(banner).to_be_visible()
    text = banner.inner_text()
    assert "演示" in text, "it says that this is a demo"
    assert "照片" in text, "and what it cannot do"


def test_question_without_a_picture_gets_an_honest_answer(page: ChatPage) -> None:
    assert "演示模型" in page.ask("你是谁？")
