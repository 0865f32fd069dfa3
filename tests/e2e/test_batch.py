"""The batch sheet: many pictures, one question, each picture asked about exactly once.

The engine is the fake one, which fails on cue; `test_shop_tasks.py` has nano read product cards.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, expect

from huiyan.testing.script import Fault, Reply, Status
from tests.support.batch import asked_about, assert_each_once, make, rows, run, wait_state
from tests.support.batch import row as row_of
from tests.support.browser import ANSWER_TIMEOUT_MS, CHROMIUM_FLAGS, ChatPage, chromium_path
from tests.support.page_server import PageServer

pytestmark = pytest.mark.browser

COPY = "【标题】轻巧保温杯 316不锈钢"


@pytest.fixture
def reply() -> Reply:
    return Reply(text=COPY, chunk_chars=4)


def test_nine_pictures_are_asked_about_one_by_one(chat: ChatPage, server: PageServer) -> None:
    make(chat, 9)
    run(chat)
    wait_state(chat, "done")
    assert_each_once(server, 9)
    assert all(len(server.pictures(n)) == 1 for n in range(9))
    assert "电商标题" in server.texts(0)[-1]
    expect(row_of(chat, "商品003.png").get_by_test_id("batch-cell")).to_contain_text("轻巧保温杯")


def test_rows_keep_their_order_and_at_most_as_many_as_asked_for_are_sent_at_once(
    chat: ChatPage, server: PageServer
) -> None:
    server.engine.default_reply = Reply(text=COPY, first_delay_s=0.2)
    make(chat, 6)
    run(chat, at_once=3)
    expect(rows(chat, "sending")).to_have_count(3)
    wait_state(chat, "done")
    assert_each_once(server, 6)
    names = chat.by_id("batch-row").locator(".name").all_inner_texts()
    assert names == [f"商品{n:03d}.png" for n in range(6)]


def test_a_reload_in_the_middle_asks_about_no_picture_twice(chat: ChatPage, server: PageServer) -> None:
    server.engine.default_reply = Reply(text=COPY, first_delay_s=0.5, delay_s=0.1)
    make(chat, 9)
    run(chat, at_once=2)
    # Anywhere in the middle: a busy browser is not asked often enough to be caught at one number.
    expect(chat.by_id("batch-progress")).to_contain_text(re.compile("[2-7]/9"), timeout=ANSWER_TIMEOUT_MS)
    chat.page.reload()
    wait_state(chat, "done")
    expect(chat.by_id("batch-progress")).to_contain_text("9/9")
    assert_each_once(server, 9)


def test_goes_on_by_itself_after_the_browser_was_closed(
    playwright: Playwright, server: PageServer, tmp_path: Path
) -> None:
    """A profile on disk, closed in the middle and opened at the page's plain address."""
    server.engine.reset()
    server.engine.default_reply = Reply(text=COPY, first_delay_s=0.3, delay_s=0.05)

    def start() -> ChatPage:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium_path(), args=CHROMIUM_FLAGS, locale="zh-CN"
        )
        return ChatPage(context.pages[0], server.url).open()

    chat = start()
    chat.wait_connection("online")
    make(chat, 7)
    run(chat)
    expect(chat.by_id("batch-progress")).to_contain_text("2/7", timeout=ANSWER_TIMEOUT_MS)
    chat.page.context.close()

    chat = start()
    chat.by_id("batches-open").click()
    chat.by_id("batch-link").first.click()
    wait_state(chat, "done")
    expect(chat.by_id("batch-progress")).to_contain_text("7/7")
    assert_each_once(server, 7)
    assert chat.errors == []
    chat.page.context.close()


def test_a_row_that_fails_says_why_and_is_retried_with_the_others_left_alone(
    chat: ChatPage, server: PageServer
) -> None:
    refused = Status(status=400, message="the picture is odd", type="invalid_request_error")
    server.script(Reply(text=COPY), refused, Reply(text=COPY), refused)
    make(chat, 4)
    run(chat)
    wait_state(chat, "done")
    expect(chat.by_id("batch-progress")).to_have_attribute("data-error", "2")
    row = row_of(chat, "商品001.png")
    expect(row).to_have_attribute("data-status", "error")
    expect(row.get_by_test_id("batch-cell")).to_contain_text("模型拒绝了这个请求")
    chat.by_id("batch-filter").select_option("error")
    expect(chat.by_id("batch-row")).to_have_count(2)
    chat.by_id("batch-filter").select_option("all")
    chat.by_id("batch-retry-failed").click()
    expect(chat.by_id("batch-progress")).to_have_attribute("data-done", "4")
    assert len(server.engine.completions) == 6


def test_an_engine_that_dies_in_the_middle_costs_no_row(chat: ChatPage, server: PageServer) -> None:
    dies = Reply(text=COPY, fault=Fault.DIE, fault_after_chunks=2)
    server.script(Reply(text=COPY), dies, Reply(text=COPY))
    make(chat, 3)
    run(chat)
    wait_state(chat, "done")
    expect(chat.by_id("batch-progress")).to_have_attribute("data-done", "3")
    assert len(server.engine.completions) == 4
    assert len(set(asked_about(server))) == 3


def test_pause_lets_a_row_end_and_stop_takes_it_back(chat: ChatPage, server: PageServer) -> None:
    server.engine.default_reply = Reply(text=COPY, first_delay_s=0.6)
    make(chat, 5)
    run(chat)
    expect(chat.by_id("batch-progress")).to_have_attribute("data-done", "1")
    chat.by_id("batch-pause").click()
    expect(chat.by_id("batch-progress")).to_have_attribute("data-done", "2")
    wait_state(chat, "paused")
    expect(rows(chat, "sending")).to_have_count(0)
    assert len(server.engine.completions) == 2
    server.engine.default_reply = Reply.endless()
    chat.by_id("batch-run").click()
    expect(rows(chat, "sending")).to_have_count(1)
    chat.by_id("batch-stop").click()
    expect(rows(chat, "queued")).to_have_count(3)
    server.engine.default_reply = Reply(text=COPY)
    chat.by_id("batch-run").click()
    wait_state(chat, "done")
    expect(chat.by_id("batch-progress")).to_have_attribute("data-done", "5")
