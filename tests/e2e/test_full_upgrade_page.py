"""An open page while another version of huiyan takes over: it says so, goes on, and becomes the new one."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import ChatPage
from tests.support.installation import Huiyan
from tests.support.slow_motion import slow_motion
from tests.support.upgrading import UPGRADE_TIMEOUT_S, Upgrading
from tests.support.versions import make_wheel

pytestmark = pytest.mark.browser

NEW = "99.0.0"
_UPGRADE_TIMEOUT_MS = UPGRADE_TIMEOUT_S * 1000
DRAFT = "写了一半的下一个问题"


def test_page_says_that_it_is_upgraded_and_goes_on(browser: Browser, fresh: Huiyan, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "wheel", NEW)
    fresh.start()
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    try:
        page = ChatPage(context.new_page(), fresh.url).open()
        page.wait_engine("ready")
        engine = fresh.pid_of("engine")
        running = Upgrading(fresh).begin(wheel)
        coming = page.by_id("upgrade-line")
        expect(coming).to_contain_text(f"正在升级到 {NEW}", timeout=_UPGRADE_TIMEOUT_MS)
        page.page.screenshot(path=tmp_path / "upgrading.png")
        # The engine of the version before writes this one, while the new one takes over.
        with slow_motion(engine, rest_s=0.15):
            page.send("你是谁？请详细介绍。")
            page.wait_first_words()
            page.composer.fill(DRAFT)
            expect(page.by_id("upgrade-done")).to_contain_text(NEW, timeout=_UPGRADE_TIMEOUT_MS)
            expect(page.composer).to_have_value(DRAFT)
        said, _ = running.communicate(timeout=UPGRADE_TIMEOUT_S)
        assert running.returncode == 0, said
        assert page.wait_done()
        page.page.screenshot(path=tmp_path / "upgraded.png")
        page.by_id("upgrade-reload").click()
        expect(page.by_id("upgrade-done")).to_have_count(0)
        expect(page.composer).to_have_value(DRAFT)
        expect(page.questions).to_have_count(1)
        page.composer.fill("")
        assert page.ask("你是谁？")
        info = page.page.evaluate("() => fetch('/api/info').then((answer) => answer.json())")
        assert info["version"] == NEW
        assert page.errors == []
    finally:
        context.close()
