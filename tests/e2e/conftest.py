"""A running huiyan for each module, a fresh browser profile for each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from huiyan.testing.script import Reply
from tests.support.browser import CHROMIUM_FLAGS, ChatPage, chromium_path
from tests.support.installation import Huiyan
from tests.support.page_server import PageServer, page_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser test that fails runs once more; the summary names it (docs/decisions/0010).

    This hook is asked about the items of every suite that runs.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    chromium = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def huiyan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Huiyan]:
    """Started by the installed command in an empty home; nothing of it may be left at the end."""
    installed = Huiyan(tmp_path_factory.mktemp("home"))
    try:
        installed.start()
        yield installed
        installed.stop()
        installed.wait_nothing_left()
    finally:
        installed.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Huiyan]:
    """A user who has never started anything; whatever a test starts is ended."""
    installed = Huiyan(tmp_path / "home of a user")
    installed.home.mkdir()
    yield installed
    installed.close()


@pytest.fixture
def page(
    browser: Browser, huiyan: Huiyan, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[ChatPage]:
    """The chat page in a browser that has never seen it, in Chinese; without errors of its own."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    failed_before = request.session.testsfailed
    try:
        chat = ChatPage(context.new_page(), huiyan.url).open()
        yield chat
        assert chat.errors == []
    finally:
        if request.session.testsfailed > failed_before or hasattr(request.node, "failed_call"):
            picture = tmp_path / "page.png"
            context.pages[0].screenshot(path=picture)
            sys.stderr.write(f"the page as it was: {picture}\n")  # shown with the failure
        context.close()


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    """The page in front of a scriptable engine, one for each module."""
    with page_server() as served:
        yield served


@pytest.fixture
def reply() -> Reply:
    """What `server`'s engine says where a test does not script it; modules put their own in its place."""
    return Reply(text="好的。", chunk_chars=8)


@pytest.fixture
def chat(browser: Browser, server: PageServer, reply: Reply) -> Iterator[ChatPage]:
    """`server`'s page in a browser that has never seen it, in Chinese; without errors of its own."""
    server.engine.reset()
    server.engine.default_reply = reply
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat = ChatPage(context.new_page(), server.url).open()
    chat.wait_connection("online")
    yield chat
    assert chat.errors == []
    context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Lets `page` know that its test failed before it is torn down."""
    report = yield
    if call.when == "call" and call.excinfo is not None:
        item.failed_call = True  # type: ignore[attr-defined]  # read by `page`
    return report
