"""Tools in an open page: a button appears by itself, its form works, and it goes when the tool goes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from huiyan.tools import install
from huiyan.tools.manifest import Manifest, Title, ToolEntry
from tests.support.browser import ChatPage
from tests.support.page_server import PageServer, page_server
from tests.support.products import products
from tests.support.tools import Host

WAIT_MS = 30_000

TITLES = {
    "title": Title(zh="试验", en="Trial"),
    "icon": "text",
    "tools": {
        "echo": ToolEntry(title=Title(zh="回声", en="Echo")),
        "look": ToolEntry(title=Title(zh="看图", en="Look")),
        "slow": ToolEntry(title=Title(zh="慢工", en="Slow work")),
        "die": ToolEntry(title=Title(zh="会死", en="Dies")),
    },
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    running = Host(tmp_path, TITLES)
    yield running
    running.close()


@pytest.fixture
def server(host: Host) -> Iterator[PageServer]:
    with page_server(data_dir=host.data_dir) as running:
        yield running


@contextlib.contextmanager
def opened(browser: Browser, server: PageServer, locale: str = "zh-CN", **context: Any) -> Iterator[ChatPage]:
    made = browser.new_context(locale=locale, **{"viewport": {"width": 1280, "height": 860}, **context})
    chat = ChatPage(made.new_page(), server.url)
    chat.open()
    yield chat
    made.close()


def button(page: Page, tool: str, plugin: str = "trial") -> Any:
    return page.get_by_test_id(f"tool-{plugin}-{tool}")


def test_a_tool_appears_in_an_open_page_is_used_and_goes(
    browser: Browser, server: PageServer, host: Host
) -> None:
    with opened(browser, server) as chat, opened(browser, server, "en-US") as english:
        page = chat.page
        expect(page.get_by_test_id("tools")).to_have_count(0)
        host.add("trial", "echo", "look")
        expect(button(page, "look")).to_have_text("看图", timeout=WAIT_MS)
        expect(button(english.page, "look")).to_have_text("Look", timeout=WAIT_MS)

        chat.drop(*products(1))
        expect(page.get_by_test_id("strip-item")).to_have_count(1, timeout=WAIT_MS)
        button(page, "look").click()
        dialog = page.get_by_test_id("tool-dialog")
        expect(dialog.get_by_test_id("tool-strip-picture")).to_have_attribute("aria-pressed", "true")
        dialog.get_by_test_id("tool-run").click()
        result = dialog.get_by_test_id("tool-result")
        expect(result.locator("td").nth(1)).to_have_text("89504e47", timeout=WAIT_MS)
        expect(result.get_by_test_id("tool-picture")).to_be_visible()
        expect(result.get_by_test_id("tool-download")).to_have_count(2)
        expect(result.locator("a[href^='https://example.org']")).to_have_attribute(
            "rel", "noopener noreferrer nofollow"
        )
        mark = result.get_by_test_id("tool-marks").get_by_role("button", name="corner", exact=True)
        mark.click()
        expect(mark).to_have_attribute("aria-pressed", "true")
        assert not Axe().run(page).response["violations"]
        with page.expect_download() as saved:
            result.get_by_test_id("tool-download").last.click()
        assert saved.value.suggested_filename == "note.txt"
        assert Path(saved.value.path()).read_text() == "made by the tool"

        install.remove(host.data_dir, "trial")
        expect(dialog).to_have_count(0, timeout=WAIT_MS)
        for open_page in (page, english.page):
            expect(open_page.get_by_test_id("tools")).to_have_count(0, timeout=WAIT_MS)


def test_a_form_is_checked_before_it_is_sent(browser: Browser, server: PageServer, host: Host) -> None:
    host.add("trial", "echo")
    with opened(browser, server, "en-US") as chat:
        page = chat.page
        button(page, "echo").click(timeout=WAIT_MS)
        dialog = page.get_by_test_id("tool-dialog")
        text, times = dialog.get_by_test_id("tool-field-text"), dialog.get_by_test_id("tool-field-times")
        expect(times).to_have_value("1")
        times.fill("12")
        dialog.get_by_test_id("tool-run").click()
        expect(dialog.get_by_test_id("tool-problem")).to_have_text(["This is needed.", "The most is 9."])
        expect(text).to_be_focused()
        assert not Axe().run(page).response["violations"]
        text.fill("hello")
        times.fill("2")
        dialog.get_by_test_id("tool-field-loud").check()
        dialog.get_by_test_id("tool-field-mood").select_option(label="merry")
        dialog.get_by_test_id("tool-field-words").fill("one\ntwo\n")
        expect(dialog.get_by_test_id("tool-problem")).to_have_count(0)
        dialog.get_by_test_id("tool-run").click()
        said = '{"text": "hello", "times": 2, "loud": true, "mood": "merry", "words": ["one", "two"]}'
        expect(dialog.get_by_test_id("tool-result")).to_contain_text(said, timeout=WAIT_MS)
        dialog.get_by_test_id("tool-use").click()
        expect(page.get_by_test_id("composer-input")).to_have_value(said)
        expect(page.get_by_test_id("composer-input")).to_be_focused()


def test_progress_is_shown_and_a_call_can_be_stopped(
    browser: Browser, server: PageServer, host: Host
) -> None:
    host.add("trial", "slow", "die", "echo")
    with opened(browser, server) as chat:
        page = chat.page
        button(page, "slow").click(timeout=WAIT_MS)
        dialog = page.get_by_test_id("tool-dialog")
        dialog.get_by_test_id("tool-field-steps").fill("100000")
        dialog.get_by_test_id("tool-run").click()
        expect(dialog.get_by_test_id("tool-progress")).to_contain_text("step", timeout=WAIT_MS)
        expect(dialog.get_by_test_id("tool-cancel")).to_be_visible()
        dialog.get_by_test_id("tool-cancel").click()
        expect(dialog.get_by_test_id("tool-run")).to_be_visible()
        expect(dialog.get_by_test_id("tool-progress")).to_have_count(0)
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(button(page, "slow")).to_be_focused()
        # Its own trouble, said in its own form; the page goes on.
        page.keyboard.press("ArrowRight")
        expect(button(page, "die")).to_be_focused()
        page.keyboard.press("Enter")
        dialog.get_by_test_id("tool-run").click()
        expect(dialog.get_by_test_id("tool-failure")).to_contain_text("code 7", timeout=WAIT_MS)
        page.keyboard.press("Escape")
        expect(button(page, "die")).to_be_focused()


@pytest.mark.parametrize("width", [390, 1920])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_fits_and_is_accessible(
    browser: Browser, server: PageServer, host: Host, width: int, scheme: str
) -> None:
    host.add("trial", "echo", "look", "slow", "die")
    view = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    with opened(browser, server, "en-US", **view) as chat:
        page = chat.page
        button(page, "echo").click(timeout=WAIT_MS)
        dialog = page.get_by_test_id("tool-dialog")
        dialog.get_by_test_id("tool-field-text").fill("| a | b |\n|---|---|\n| 1 | 2 |")
        dialog.get_by_test_id("tool-run").click()
        expect(dialog.get_by_test_id("tool-result")).to_be_visible(timeout=WAIT_MS)
        assert not Axe().run(page).response["violations"]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_a_tool_says_cannot_run_anything(browser: Browser, server: PageServer, host: Host) -> None:
    shape = '<path d="M2 2h12v12H2z" stroke="currentColor" fill="none"/>'
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" onload="document.title=1">'
        f'<script>document.title="owned"</script>{shape}</svg>'
    )
    host.add("trial", "echo", svg=svg, title=Title(zh="<b>试</b>", en="<b>x</b>"), tools={})
    with opened(browser, server, "en-US") as chat:
        page = chat.page
        button(page, "echo").click(timeout=WAIT_MS)
        expect(button(page, "echo")).to_have_text("<b>x</b>")
        expect(button(page, "echo").locator("svg path")).to_have_attribute("d", "M2 2h12v12H2z")
        expect(button(page, "echo").locator("script")).to_have_count(0)
        dialog = page.get_by_test_id("tool-dialog")
        attack = (
            '<img src=x onerror="document.title=1"><script>document.title=1</script> [x](javascript:alert(1))'
        )
        dialog.get_by_test_id("tool-field-text").fill(attack)
        dialog.get_by_test_id("tool-run").click()
        result = dialog.get_by_test_id("tool-result")
        expect(result).to_be_visible(timeout=WAIT_MS)
        expect(result.locator("script, [onerror], a[href^=javascript]")).to_have_count(0)
        assert "owned" not in page.title()
        assert page.title() != "1"


def test_manifest_titles_are_used() -> None:
    """The fixture's titles are what the tests above look for."""
    assert Manifest(**TITLES).tools["look"].title == Title(zh="看图", en="Look")  # type: ignore[arg-type]
