"""The administrator's view of updates: what is here, what is offered, an update from its plan to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Locator, expect

from huiyan.updates.status import UpdateFault
from tests.e2e.test_accessibility import AXE, RULES
from tests.support.browser import ChatPage, wait_still
from tests.support.fake_updates import HISTORY, Updating, status, updating
from tests.support.wait import wait_until

pytestmark = pytest.mark.browser

WAIT_MS = 30_000


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Updating]:
    with updating(tmp_path) as running:
        yield running


def opened(browser: Browser, made: Updating, **context: object) -> ChatPage:
    view = {"viewport": {"width": 1280, "height": 860}, "locale": "en", "reduced_motion": "reduce", **context}
    chat = ChatPage(browser.new_context(**view).new_page(), made.server.url).open()  # type: ignore[arg-type]
    chat.wait_connection("online")
    chat.by_id("settings-open").click()
    chat.by_id("admin-open").click()
    name = "更新" if str(view["locale"]).startswith("zh") else "Updates"
    chat.page.get_by_role("dialog").get_by_text(name, exact=True).first.click()
    expect(chat.by_id("admin-page")).to_have_attribute("data-part", "updates")
    expect(chat.by_id("update-component")).to_have_count(5, timeout=WAIT_MS)
    return chat


def component(chat: ChatPage, name: str) -> Locator:
    return chat.page.locator(f"[data-testid=update-component][data-name={name}]")


def test_an_update_from_its_plan_to_its_end(browser: Browser, made: Updating) -> None:
    chat = opened(browser, made)
    vision = component(chat, "vision-encoder")
    expect(vision).to_contain_text("Sees better")
    expect(vision.get_by_test_id("update-plan")).to_have_text("1.2 GB to fetch · about 0.5 s of pause")
    expect(component(chat, "engine")).to_contain_text("It is not replaced alone.")
    expect(component(chat, "engine").get_by_test_id("update-start")).to_have_count(0)
    expect(chat.by_id("update-history").locator("li")).to_have_count(2)
    expect(chat.by_id("update-history")).to_contain_text("its canary failed")

    vision.get_by_test_id("update-start").click()
    question = chat.page.get_by_role("alertdialog")
    expect(question).to_contain_text("1.2 GB")
    # What is done without looking is nothing.
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    chat.page.keyboard.press("Enter")
    expect(question).to_have_count(0)
    assert made.launcher.acts == []
    vision.get_by_test_id("update-start").click()
    chat.by_id("update-yes").click()
    line = chat.by_id("update-status")
    expect(line).to_have_attribute("data-step", "planned", timeout=WAIT_MS)
    assert made.launcher.acts == [("update", "vision-encoder", "2")]
    expect(component(chat, "tool-pdf-parser").get_by_test_id("update-start")).to_be_disabled()

    begun = status("vision-encoder", "2", total_bytes=1_152_000_000, started_at=time.time())
    for number in range(1, 200):
        made.tell(replace(begun, done_bytes=number * 5_000_000))
        chat.page.wait_for_timeout(20)
        if "left" in chat.by_id("update-figures").inner_text():
            break
    expect(chat.by_id("update-figures")).to_contain_text("of 1.2 GB")
    expect(chat.by_id("update-figures")).to_contain_text("/s")
    expect(chat.by_id("update-figures")).to_contain_text("left")
    made.tell(replace(begun, step="proving", pause_s=0.412))
    expect(line).to_contain_text("proving")
    expect(chat.by_id("update-pause")).to_have_text("Requests waited for 0.41 s")
    done = replace(begun, step="committed", state="done", pause_s=0.412)
    made.launcher.report = replace(
        made.launcher.report,
        components=[
            replace(each, version="2", available=None) if each.name == "vision-encoder" else each
            for each in made.launcher.report.components
        ],
        last=done,
        history=[replace(HISTORY[0], version="2", at=time.time()), *HISTORY],
    )
    made.tell(done)
    expect(line).to_have_attribute("data-state", "done")
    # The list is read again by itself.
    expect(chat.by_id("update-history").locator("li")).to_have_count(3, timeout=WAIT_MS)
    expect(vision.get_by_test_id("update-start")).to_have_count(0)
    chat.page.reload()


def test_an_update_is_stopped_and_one_is_taken_back(browser: Browser, made: Updating) -> None:
    chat = opened(browser, made)
    component(chat, "vision-encoder").get_by_test_id("update-rollback").click()
    chat.by_id("update-yes").click()
    expect(chat.by_id("update-status")).to_have_attribute("data-step", "switching", timeout=WAIT_MS)
    chat.by_id("update-cancel").click()
    wait_until(lambda: ("cancel", "", None) in made.launcher.acts, "the launcher was asked to stop", 30)
    made.tell(status("vision-encoder", "0.9", state="cancelled", step="abandoned"))
    expect(chat.by_id("update-status")).to_contain_text("nothing changed", timeout=WAIT_MS)
    expect(chat.by_id("update-cancel")).to_have_count(0)
    assert made.launcher.acts == [("rollback", "vision-encoder", None), ("cancel", "", None)]


def test_what_goes_wrong_says_what_to_do_in_the_readers_language(browser: Browser, made: Updating) -> None:
    chat = opened(browser, made, locale="zh-CN")
    made.tell(
        status(
            "vision-encoder",
            "2",
            state="failed",
            step="rolled_back",
            error=UpdateFault(
                code="canary_failed",
                message="It no longer sees.",
                hint="Tell its maker.",
                message_zh="它看不见了。",
                hint_zh="请告知发布者。",
            ),
        )
    )
    line = chat.by_id("update-status")
    expect(line).to_contain_text("它看不见了。", timeout=WAIT_MS)
    expect(line).to_contain_text("请告知发布者。")
    expect(line).to_contain_text("已退回")
    made.launcher.busy = True
    component(chat, "tool-pdf-parser").get_by_test_id("update-start").click()
    chat.by_id("update-yes").click()
    expect(chat.by_id("updates-problem")).to_contain_text("Wait for its end.", timeout=WAIT_MS)


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_fits_and_is_accessible(browser: Browser, made: Updating, width: int, scheme: str) -> None:
    locale = "zh-CN" if scheme == "dark" else "en"
    view = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "locale": locale}
    chat = opened(browser, made, **view)
    told = status("vision-encoder", "2", total_bytes=1_152_000_000, done_bytes=300_000_000)
    made.tell(told)
    expect(chat.by_id("update-figures")).to_contain_text("1.2 GB", timeout=WAIT_MS)
    made.tell(replace(told, state="cancelled", step="abandoned"))
    component(chat, "vision-encoder").get_by_test_id("update-start").click()
    wait_still(chat.page)
    chat.page.evaluate(AXE)
    assert chat.page.evaluate("(rules) => axe.run(rules)", RULES)["violations"] == []
    assert chat.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if shots := os.environ.get("TEST_HUIYAN_SHOTS"):
        chat.page.screenshot(path=f"{shots}/updates-{width}-{scheme}.png")


def test_without_a_feed_nothing_is_said_to_be_the_newest(browser: Browser, made: Updating) -> None:
    offered_none = [replace(each, available=None) for each in made.launcher.report.components]
    made.launcher.report = replace(made.launcher.report, feed=None, components=offered_none)
    chat = opened(browser, made)
    vision = component(chat, "vision-encoder")
    expect(vision).to_contain_text("Nothing newer was looked for")
    expect(chat.by_id("admin-page")).not_to_contain_text("Nothing newer is offered")
    expect(chat.by_id("admin-page")).to_contain_text("No release feed is configured")
