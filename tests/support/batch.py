"""The batch sheet's page, as the tests of it use it."""

from __future__ import annotations

import hashlib

from playwright.sync_api import Locator, expect

from tests.support.browser import ANSWER_TIMEOUT_MS, ChatPage
from tests.support.page_server import PageServer
from tests.support.products import products


def make(chat: ChatPage, count: int) -> None:
    """Drop so many pictures and open a batch sheet of them."""
    chat.drop(*products(count))
    chat.by_id("as-batch").click()
    expect(chat.by_id("batch-progress")).to_contain_text(f"0/{count}", timeout=ANSWER_TIMEOUT_MS)


def run(chat: ChatPage, at_once: int = 1) -> None:
    chat.by_id("batch-concurrency").select_option(str(at_once))
    chat.by_id("batch-run").click()


def wait_state(chat: ChatPage, state: str) -> None:
    expect(chat.by_id("batch-progress")).to_have_attribute("data-state", state, timeout=ANSWER_TIMEOUT_MS)


def row(chat: ChatPage, name: str) -> Locator:
    return chat.by_id("batch-row").filter(has_text=name)


def rows(chat: ChatPage, status: str) -> Locator:
    return chat.page.locator(f"[data-testid=batch-row][data-status={status}]")


def asked_about(server: PageServer) -> list[str]:
    """A digest for the picture of each request that the engine got."""
    count = len(server.engine.completions)
    return [hashlib.sha256(server.pictures(n)[0].data).hexdigest() for n in range(count)]


def assert_each_once(server: PageServer, count: int) -> None:
    asked = asked_about(server)
    assert len(asked) == count
    assert len(set(asked)) == count
