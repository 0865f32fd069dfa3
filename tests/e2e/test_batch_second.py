"""A row of a batch sheet whose answer is empty or repeats itself is asked once more, and keeps both."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from huiyan.testing.script import Reply
from tests.support.batch import make, row, run, wait_state
from tests.support.browser import ChatPage
from tests.support.page_server import PageServer
from tests.support.wait import wait_until

pytestmark = pytest.mark.browser

#: Hundreds of thousands of characters, written slowly: it ends in time only if it is stopped.
ENDLESS = Reply(
    text="【标题】保温杯" + "，轻巧又好用的保温杯，送礼自用都合适。" * 10_000,
    chunk_chars=24,
    delay_s=0.005,
    ignores_max_tokens=True,
)
GOOD = Reply(text="【标题】轻巧保温杯 316不锈钢", chunk_chars=8)


@pytest.fixture
def reply() -> Reply:
    return GOOD


def test_a_row_that_loops_is_cut_and_asked_once_more(chat: ChatPage, server: PageServer) -> None:
    server.script(ENDLESS, GOOD)
    make(chat, 2)
    run(chat)
    wait_state(chat, "done")
    first, second, other = server.engine.completions
    wait_until(first.cancelled.is_set, "the first run was stopped", 5)
    asked, again = first.json(), second.json()
    assert again["messages"] == asked["messages"]
    assert again["temperature"] == pytest.approx(asked.get("temperature", 0.7) + 0.15)
    assert again["seed"] != asked.get("seed")
    assert other.json()["messages"] != asked["messages"]
    looped = row(chat, "商品000.png")
    cell, note = looped.get_by_test_id("batch-cell"), looped.get_by_test_id("row-attempt")
    expect(cell).to_contain_text("轻巧保温杯 316不锈钢")
    expect(note).to_contain_text("第二次的回答")
    expect(note).to_contain_text("第一个回答开始重复，这是以温度 0.85 重新问的。")
    expect(row(chat, "商品001.png").get_by_test_id("row-attempt")).to_have_count(0)

    cell.click()
    chat.by_id("batch-editor").fill("我的标题")
    chat.page.keyboard.press("Enter")
    swap = looped.get_by_test_id("row-swap")
    expect(swap).to_have_attribute(
        "title", "换成第一次的回答（商品000.png）：【标题】保温杯，轻巧又好用的保温杯，送礼自用都合适。"
    )
    swap.focus()
    chat.page.keyboard.press("Enter")
    expect(cell).to_contain_text("轻巧又好用的保温杯")
    expect(note).to_contain_text("第一次的回答")
    chat.page.reload()
    expect(cell).to_contain_text("轻巧又好用的保温杯")
    swap.click()
    expect(cell).to_contain_text("我的标题")
    assert len(server.engine.completions) == 3


def test_the_arrow_keys_reach_the_other_answer(chat: ChatPage, server: PageServer) -> None:
    server.script(Reply(text=""), GOOD)
    make(chat, 2)
    run(chat)
    wait_state(chat, "done")
    row(chat, "商品000.png").get_by_test_id("batch-cell").focus()
    chat.page.keyboard.press("End")
    expect(row(chat, "商品000.png").get_by_test_id("row-swap")).to_be_focused()
    chat.page.keyboard.press("ArrowDown")  # the next row has one column less
    expect(row(chat, "商品001.png").locator(".acts button").last).to_be_focused()


def test_a_row_that_is_empty_twice_has_failed_and_is_asked_anew_when_the_reader_says_so(
    chat: ChatPage, server: PageServer
) -> None:
    server.script(Reply(text=""), Reply(text=" "))
    make(chat, 2)
    run(chat)
    wait_state(chat, "done")
    empty = row(chat, "商品000.png")
    expect(empty).to_have_attribute("data-status", "error")
    expect(empty.get_by_test_id("batch-cell")).to_contain_text("模型什么也没写")
    expect(empty.get_by_test_id("row-attempt")).to_contain_text("它也是空的")
    assert len(server.engine.completions) == 3
    empty.get_by_test_id("row-retry").click()
    wait_state(chat, "done")
    expect(empty.get_by_test_id("batch-cell")).to_contain_text("轻巧保温杯")
    expect(empty.get_by_test_id("row-attempt")).to_have_count(0)


def test_a_reload_during_the_second_attempt_asks_no_third_time(chat: ChatPage, server: PageServer) -> None:
    server.script(Reply(text=""), Reply(text=GOOD.text, first_delay_s=1.5))
    make(chat, 2)
    run(chat)
    looped = row(chat, "商品000.png")
    expect(looped.get_by_test_id("row-attempt")).to_have_count(1)
    wait_until(lambda: len(server.engine.completions) == 2, "the second attempt is on its way", 10)
    chat.page.reload()
    wait_state(chat, "done")
    expect(looped.get_by_test_id("batch-cell")).to_contain_text("轻巧保温杯")
    assert len(server.engine.completions) == 3


def test_no_second_attempt_where_the_reader_wants_none(chat: ChatPage, server: PageServer) -> None:
    chat.page.evaluate(
        "() => localStorage.setItem('huiyan.settings', JSON.stringify({ secondAttempts: false }))"
    )
    chat.page.reload()
    server.script(Reply(text=""))
    make(chat, 2)
    run(chat)
    wait_state(chat, "done")
    expect(row(chat, "商品000.png")).to_have_attribute("data-status", "error")
    assert len(server.engine.completions) == 2
