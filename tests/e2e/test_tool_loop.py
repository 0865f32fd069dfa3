"""The model calls tools in an open page: allowed by a switch, shown in the answer, asked about first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, expect

from huiyan.testing.script import Reply
from tests.e2e.test_tools import TITLES, WAIT_MS, opened
from tests.support.page_server import PageServer, page_server
from tests.support.products import products
from tests.support.tool_loop import calls
from tests.support.tools import Host

#: The page's own title is hidden where it is narrow, which is advice of axe's and no rule of WCAG's.
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    running = Host(tmp_path, TITLES)
    running.add("scripted", "echo", "look", "slow", "die")
    yield running
    running.close()


@pytest.fixture
def server(host: Host) -> Iterator[PageServer]:
    with page_server(data_dir=host.data_dir) as running:
        yield running


def test_calls_are_allowed_shown_kept_and_taken_back(browser: Browser, server: PageServer) -> None:
    with opened(browser, server) as chat:
        page = chat.page
        switch = page.get_by_test_id("tools-allow")
        expect(switch).to_have_attribute("aria-checked", "false", timeout=WAIT_MS)
        server.answer("没有工具。")
        chat.send("先不用工具")
        expect(page.get_by_test_id("assistant-text")).to_have_text("没有工具。", timeout=WAIT_MS)
        assert "tools" not in server.asked()

        switch.click()
        expect(switch).to_have_attribute("aria-checked", "true")
        chat.drop(*products(1))
        expect(page.get_by_test_id("strip-item")).to_have_count(1, timeout=WAIT_MS)
        server.script(calls(("look", {"picture": "picture-1"}), text="我看看。"), Reply(text="看完了。"))
        chat.send("这是什么")
        call = page.get_by_test_id("tool-call")
        expect(call).to_have_attribute("data-state", "done", timeout=WAIT_MS)
        expect(call).to_contain_text("看图")
        expect(page.get_by_test_id("assistant-text").last).to_contain_text("看完了。", timeout=WAIT_MS)
        assert "scripted__look" in {each["function"]["name"] for each in server.asked()["tools"]}
        expect(call.get_by_test_id("tool-call-result")).not_to_be_visible()
        call.locator("summary").click()
        expect(call.get_by_test_id("tool-call-arguments")).to_contain_text("picture-1")
        expect(call.get_by_test_id("tool-call-result")).to_contain_text("89504e47")
        assert not Axe().run(page).response["violations"]

        page.reload()
        expect(page.get_by_test_id("tool-call")).to_have_attribute("data-state", "done", timeout=WAIT_MS)
        expect(switch).to_have_attribute("aria-checked", "true", timeout=WAIT_MS)
        page.get_by_test_id("new-chat").click()
        expect(switch).to_have_attribute("aria-checked", "false")


def test_a_question_is_answered_by_keyboard(browser: Browser, server: PageServer) -> None:
    with opened(browser, server, "en-US") as chat:
        page = chat.page
        page.get_by_test_id("tools-allow").click(timeout=WAIT_MS)
        for key, state in (("Enter", "refused"), ("Tab Enter", "failed")):
            server.script(calls(("die", {})), Reply(text="Done."))
            chat.send("Do it")
            asked = page.get_by_test_id("tool-confirm")
            expect(asked).to_contain_text("Dies", timeout=WAIT_MS)
            expect(asked).to_contain_text("may change or delete")
            assert not Axe().run(page).response["violations"]
            # Nothing takes the words of who is typing for an answer.
            expect(page.get_by_test_id("composer-input")).to_be_focused()
            page.get_by_test_id("tool-refuse").focus()
            for each in key.split():
                page.keyboard.press(each)
            call = page.get_by_test_id("tool-call").last
            expect(call).to_have_attribute("data-state", state, timeout=WAIT_MS)
            expect(asked).to_have_count(0)
            expect(page.get_by_test_id("assistant-text").last).to_have_text("Done.", timeout=WAIT_MS)
        expect(page.get_by_test_id("tool-call-error")).to_contain_text("code 7")


def test_a_reload_in_the_middle_goes_on(browser: Browser, server: PageServer) -> None:
    with opened(browser, server) as chat:
        page = chat.page
        page.get_by_test_id("tools-allow").click(timeout=WAIT_MS)
        server.script(calls(("die", {})), Reply(text="好的。"))
        chat.send("试试")
        expect(page.get_by_test_id("tool-confirm")).to_be_visible(timeout=WAIT_MS)
        page.reload()
        page.get_by_test_id("tool-refuse").click(timeout=WAIT_MS)
        expect(page.get_by_test_id("assistant-text")).to_have_text("好的。", timeout=WAIT_MS)
        assert len(server.engine.completions) == 2


def test_a_call_that_runs_shows_its_progress_and_can_be_stopped(
    browser: Browser, server: PageServer, host: Host
) -> None:
    with opened(browser, server) as chat:
        page = chat.page
        page.get_by_test_id("tools-allow").click(timeout=WAIT_MS)
        server.script(calls(("slow", {"steps": 100_000, "step_s": 0.05})))
        chat.send("慢慢来")
        expect(page.get_by_test_id("tool-call")).to_contain_text("step", timeout=WAIT_MS)
        page.get_by_test_id("stop").click()
        expect(page.get_by_test_id("tool-call")).to_have_attribute("data-state", "over", timeout=WAIT_MS)


@pytest.mark.parametrize("width", [390, 1920])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_fits_and_is_accessible(browser: Browser, server: PageServer, width: int, scheme: str) -> None:
    view = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    with opened(browser, server, "en-US", **view) as chat:
        page = chat.page
        page.get_by_test_id("tools-allow").click(timeout=WAIT_MS)
        server.script(calls(("echo", {"text": "x" * 300}), ("die", {})), Reply(text="Done."))
        chat.send("Do it")
        expect(page.get_by_test_id("tool-confirm")).to_be_visible(timeout=WAIT_MS)
        page.locator("[data-testid=tool-call] summary").first.click()
        assert not Axe().run(page, options=WCAG).response["violations"]
        shot = os.environ.get("TEST_HUIYAN_SHOTS")
        if shot:
            page.screenshot(path=f"{shot}/loop-{width}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
