"""The banner's button in every state that a fetch has, told by a launcher that does what the test says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from huiyan import nano
from huiyan.launcher.control import ControlServer, socket_path
from huiyan.store.fetching import FetchStatus
from tests.e2e.test_accessibility import AXE, RULES
from tests.support.browser import ChatPage, wait_still
from tests.support.fake_launcher import FakeLauncher
from tests.support.page_server import PageServer, page_server
from tests.support.wait import wait_until

pytestmark = pytest.mark.browser

WANTED = "Qwen/Qwen3-VL-8B-Instruct"
LIMIT_S = 30.0


@dataclass
class Demo:
    """nano answers in place of what was asked for. `launcher` remembers what the page asked of it."""

    server: PageServer
    launcher: FakeLauncher

    def tell(self, **fields: object) -> None:
        self.server.tell_fetch(FetchStatus(id="a/b", **fields))  # type: ignore[arg-type]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    launcher = FakeLauncher()
    loop = asyncio.new_event_loop()
    server = ControlServer(socket_path(tmp_path / "run"), launcher)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(LIMIT_S)
    try:
        with page_server(nano.card(wanted=WANTED), launcher=server.path) as running:
            yield Demo(running, launcher)
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(LIMIT_S)
        loop.close()


@pytest.fixture
def chat(browser: Browser, demo: Demo) -> Iterator[ChatPage]:
    context = browser.new_context(
        locale="en", viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    yield ChatPage(context.new_page(), demo.server.url).open()
    context.close()


def test_progress_is_seen_survives_a_reload_and_can_be_stopped(demo: Demo, chat: ChatPage) -> None:
    chat.by_id("fetch-start").click()
    wait_until(lambda: demo.launcher.pulled == [None], "the press arrives")
    demo.tell(state="running", phase="starting")
    part = chat.by_id("fetch-part")
    expect(part).to_contain_text("Preparing to fetch a/b")
    demo.tell(
        state="running",
        phase="fetching",
        done_bytes=1_200_000_000,
        total_bytes=6_200_000_000,
        rate_bytes_per_s=45e6,
        eta_s=111.0,
    )
    expect(chat.by_id("fetch-figures")).to_have_text("1.2 GB of 6.2 GB · 45 MB/s · about 2 minutes left")
    assert demo.launcher.pulled == [None]
    chat.page.reload()
    expect(chat.by_id("fetch-figures")).to_contain_text("1.2 GB of 6.2 GB")
    chat.by_id("fetch-cancel").click()
    demo.tell(state="cancelled", done_bytes=1_200_000_000, total_bytes=6_200_000_000)
    expect(part).to_contain_text("What has arrived is kept")
    assert demo.launcher.cancels == 1
    chat.by_id("fetch-start").click()
    wait_until(lambda: demo.launcher.pulled == [None, None], "the second press arrives")
    demo.tell(state="running", phase="fetching", done_bytes=6_200_000_000, total_bytes=6_200_000_000)
    demo.tell(state="done", done_bytes=6_200_000_000, total_bytes=6_200_000_000, next="restart")
    expect(part).to_contain_text("huiyan start --model a/b")
    expect(chat.by_id("fetch-start")).to_have_count(0)
    assert demo.launcher.pulled == [None, None]


def test_failure_says_what_to_do_in_the_readers_language(demo: Demo, browser: Browser) -> None:
    context = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 800})
    chat = ChatPage(context.new_page(), demo.server.url).open()
    demo.tell(
        state="failed",
        code="disk_full",
        message="No space is left.",
        message_zh="磁盘满了。",
        hint="Free some space.",
        hint_zh="释放一些空间。",
    )
    part = chat.by_id("fetch-part")
    expect(part).to_contain_text("磁盘满了")
    expect(part).to_contain_text("释放一些空间")
    expect(chat.by_id("fetch-start")).to_have_text("接着下载")
    assert chat.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no wider than a phone"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_it(demo: Demo, chat: ChatPage, scheme: str) -> None:
    chat.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for state, phase in (("running", "starting"), ("running", "fetching"), ("failed", "")):
        demo.tell(state=state, phase=phase, done_bytes=5, total_bytes=10, message="It failed.", hint="Again.")
        expect(chat.by_id("fetch-part")).to_have_attribute("data-state", state)
        wait_still(chat.page)
        chat.page.evaluate(AXE)
        violations = chat.page.evaluate("(rules) => axe.run(document, rules)", RULES)["violations"]
        assert violations == [], f"{state} {phase}: {[each['id'] for each in violations]}"
