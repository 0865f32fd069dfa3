"""A/B: the same pictures asked about in two ways, the words that differ, and the one that is kept."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from huiyan.testing.script import Reply
from tests.support.browser import ANSWER_TIMEOUT_MS, ChatPage
from tests.support.page_server import PageServer
from tests.support.products import products

pytestmark = pytest.mark.browser

TALE = "桌上放着一只红色的杯子，旁边有一本翻开的书和半块饼干。"


def _wait_both(chat: ChatPage) -> None:
    for side in "AB":
        expect(chat.by_id(f"compare-{side}")).to_have_attribute(
            "data-status", "done", timeout=ANSWER_TIMEOUT_MS
        )


def test_two_settings_side_by_side_and_the_kept_one_is_the_answer(chat: ChatPage, server: PageServer) -> None:
    server.script(Reply(text="a warm red mug"), Reply(text="a large red mug"))
    chat.drop(*products(2))
    chat.composer.fill("这是什么？")
    expect(chat.by_id("compare-composer")).to_be_enabled()
    chat.by_id("compare-composer").click()
    chat.by_id("compare-start").click()
    expect(chat.by_id("compare")).to_contain_text("两边一样")
    chat.by_id("way-B").get_by_test_id("way-temperature").fill("1.2")
    chat.by_id("way-B").get_by_test_id("way-system").fill("你是诗人。")
    chat.by_id("compare-start").click()
    _wait_both(chat)
    gone = chat.by_id("compare-A").locator("del").inner_text().strip()
    new = chat.by_id("compare-B").locator("ins").inner_text().strip()
    # Both were asked at once: which of the two reached the engine first is nobody's promise.
    assert {gone, new} == {"warm", "large"}
    chat.by_id("keep-B").click()
    expect(chat.answers).to_have_count(1)
    assert chat.answer_text == f"a {new} red mug"
    expect(chat.composer).to_have_value("")
    expect(chat.strip).to_have_count(0)
    first, second = sorted((server.asked(0), server.asked(1)), key=lambda body: "temperature" in body)
    assert "temperature" not in first
    assert second["temperature"] == 1.2
    assert second["messages"][0] == {"role": "system", "content": "你是诗人。"}
    assert len(server.pictures(0)) == len(server.pictures(1)) == 2
    # The other one is a branch of the same question.
    expect(chat.questions).to_have_count(1)
    expect(chat.by_id("branches")).to_contain_text("2/2")
    chat.page.reload()
    expect(chat.answers).to_have_count(1)
    expect(chat.answers.last.get_by_test_id("assistant-text")).to_have_text(f"a {new} red mug")


def test_another_prompt_is_compared_with_an_answer_that_is_there(chat: ChatPage, server: PageServer) -> None:
    server.script(Reply(text="红色的杯子"), Reply(text="一只红色的杯子，适合喝茶"))
    chat.drop(*products(1))
    chat.ask("这是什么？")
    chat.answers.last.hover()
    chat.by_id("compare-open").click()
    expect(chat.by_id("way-A").get_by_test_id("way-prompt")).to_be_disabled()
    chat.by_id("way-B").get_by_test_id("way-prompt").fill("这是什么？说详细些。")
    chat.by_id("compare-start").click()
    _wait_both(chat)
    assert len(server.engine.completions) == 2
    assert server.texts()[-1].endswith("这是什么？说详细些。")
    chat.by_id("keep-A").click()
    assert chat.answer_text == "红色的杯子"
    expect(chat.questions).to_contain_text("这是什么？")
    expect(chat.questions.get_by_test_id("branches")).to_contain_text("1/2")


def test_both_answers_survive_a_reload_in_the_middle(chat: ChatPage, server: PageServer) -> None:
    server.script(
        *(Reply(text=f"{who}：{TALE}", first_delay_s=0.3, delay_s=0.05, chunk_chars=1) for who in "甲乙")
    )
    chat.drop(*products(1))
    chat.composer.fill("说说看")
    expect(chat.by_id("compare-composer")).to_be_enabled()
    chat.by_id("compare-composer").click()
    chat.by_id("way-B").get_by_test_id("way-temperature").fill("0.1")
    chat.by_id("compare-start").click()
    expect(chat.by_id("compare-A").get_by_test_id("compare-text")).to_contain_text(re.compile("甲|乙"))
    chat.page.reload()
    chat.wait_done()
    assert len(server.engine.completions) == 2
    expect(chat.by_id("branches")).to_contain_text("/2")
