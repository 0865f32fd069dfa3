"""The input and its strip: nothing that was written or dropped is lost."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from playwright.sync_api import Browser, Route, expect

from tests.support.browser import ChatPage
from tests.support.page_server import LARGE_CARD, PageServer, page_server
from tests.support.products import products

pytestmark = pytest.mark.browser

#: Nothing can be written into the outbox until `window.letGo` is true.
_HOLD_OUTBOX = """() => new Promise((resolve, reject) => {
  const open = indexedDB.open("huiyan");
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const tx = open.result.transaction("outbox", "readwrite");
    const store = tx.objectStore("outbox");
    const spin = () => {
      if (window.letGo) open.result.close();
      else store.get("nobody").onsuccess = spin;
    };
    spin();
    resolve();
  };
})"""


@pytest.fixture(scope="module")
def two() -> Iterator[PageServer]:
    """A model that takes two pictures."""
    with page_server(msgspec.structs.replace(LARGE_CARD, max_images=2)) as served:
        yield served


def test_what_is_typed_while_a_send_goes_to_the_disk_stays(chat: ChatPage, server: PageServer) -> None:
    chat.drop(*products(1))
    expect(chat.by_id("send-mode")).to_have_count(1)
    chat.page.evaluate(_HOLD_OUTBOX)
    chat.composer.fill("第一句")
    chat.page.keyboard.press("Enter")
    chat.composer.press("End")
    chat.page.keyboard.type("，还没发的")
    chat.paste(*products(2)[1:])
    expect(chat.strip).to_have_count(2)
    expect(chat.questions).to_have_count(0)
    chat.page.evaluate("() => { window.letGo = true; }")
    expect(chat.questions).to_contain_text("第一句")
    chat.wait_done()
    assert server.texts()[-1] == "第一句"
    assert len(server.pictures()) == 1
    expect(chat.composer).to_have_value("，还没发的")
    expect(chat.strip).to_have_count(1)
    chat.page.reload()
    expect(chat.composer).to_have_value("，还没发的")
    expect(chat.strip).to_have_count(1)
    chat.by_id("new-chat").click()
    expect(chat.composer).to_have_value("")


def test_going_to_another_chat_while_a_send_goes_to_the_disk(chat: ChatPage, server: PageServer) -> None:
    chat.ask("旧的对话")
    chat.by_id("new-chat").click()
    chat.page.evaluate(_HOLD_OUTBOX)
    chat.composer.fill("发出去的")
    chat.page.keyboard.press("Enter")
    chat.by_id("history-open").click()
    chat.by_id("history-item").filter(has_text="旧的对话").locator("[data-history-focus]").click()
    chat.page.evaluate("() => { window.letGo = true; }")
    expect(chat.questions).to_contain_text(["旧的对话"])
    expect(chat.composer).to_have_value("")
    chat.composer.fill("旧对话的草稿")
    chat.by_id("history-open").click()
    chat.by_id("history-item").filter(has_text="发出去的").wait_for()
    chat.page.keyboard.press("Escape")
    expect(chat.questions).to_contain_text(["旧的对话"])
    expect(chat.answers).to_have_count(1)
    expect(chat.composer).to_have_value("旧对话的草稿")
    chat.by_id("history-open").click()
    chat.by_id("history-item").filter(has_text="发出去的").locator("[data-history-focus]").click()
    expect(chat.questions).to_contain_text(["发出去的"])
    chat.wait_done()
    expect(chat.composer).to_have_value("")
    assert len(server.engine.completions) == 2


def test_the_draft_from_before_an_edit_is_back_once_the_edit_is_sent(chat: ChatPage) -> None:
    chat.ask("第一个问题")
    chat.composer.fill("下一个问题的草稿")
    chat.questions.first.hover()
    chat.page.get_by_label("修改后重发").click()
    expect(chat.composer).to_have_value("第一个问题")
    chat.composer.fill("改过的问题")
    chat.page.keyboard.press("Enter")
    expect(chat.questions).to_contain_text(["改过的问题"])
    expect(chat.composer).to_have_value("下一个问题的草稿")
    chat.wait_done()


def test_pictures_dropped_before_the_limit_is_known_are_kept_and_named(
    browser: Browser, two: PageServer
) -> None:
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    held: list[Route] = []
    released = False

    def hold(route: Route) -> None:
        if released:
            route.continue_()
        else:
            held.append(route)

    context.route("**/api/events", hold)
    chat = ChatPage(context.new_page(), two.url).open()
    chat.drop(*products(4))
    expect(chat.by_id("send-mode")).to_have_count(4)
    expect(chat.by_id("strip-surplus")).to_have_count(0)
    released = True
    for route in held:
        route.continue_()
    chat.wait_connection("online")
    expect(chat.by_id("strip-surplus")).to_contain_text("最多看 2 张图片：请移除 2 张")
    expect(chat.strip).to_have_count(4)
    chat.composer.fill("这是什么？")
    chat.by_id("send").click()
    expect(chat.by_id("notice")).to_contain_text("请移除 2 张")
    expect(chat.questions).to_have_count(0)
    expect(chat.composer).to_have_value("这是什么？")
    chat.page.reload()
    expect(chat.strip).to_have_count(4)
    expect(chat.by_id("strip-surplus")).to_be_visible()
    chat.by_id("strip-remove").first.click()
    chat.by_id("strip-remove").first.click()
    expect(chat.by_id("strip-surplus")).to_have_count(0)
    chat.by_id("send").click()
    chat.wait_done()
    assert len(two.pictures()) == 2
    assert chat.errors == []
    context.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 780)])
def test_nine_pictures_stand_in_one_row_and_leave_the_conversation_its_room(
    chat: ChatPage, width: int, height: int
) -> None:
    chat.page.set_viewport_size({"width": width, "height": height})
    chat.drop(*products(9))
    expect(chat.by_id("send-mode")).to_have_count(9)
    expect(chat.by_id("preset-chip").first).to_be_visible()
    tops = {round(box["y"]) for item in chat.strip.all() if (box := item.bounding_box())}
    assert len(tops) == 1
    form = chat.page.locator("form.composer").bounding_box()
    assert form
    assert form["height"] < height / 2
    # Each can be reached: by keyboard, which brings it into view, and with the wheel.
    first, last = (chat.strip.nth(n).locator("[data-strip-focus]") for n in (0, 8))
    last.focus()
    for _ in range(8):
        chat.page.keyboard.press("ArrowLeft")
    expect(first).to_be_focused()
    expect(first).to_be_in_viewport(ratio=0.9)
    chat.strip.nth(0).hover()
    chat.page.mouse.wheel(0, 5000)
    expect(last).to_be_in_viewport(ratio=0.9)


def test_a_finger_scrolls_the_row_and_one_that_rests_first_moves_a_picture(
    browser: Browser, server: PageServer
) -> None:
    context = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 780}, has_touch=True)
    chat = ChatPage(context.new_page(), server.url).open()
    chat.wait_connection("online")
    chat.drop(*products(5))
    expect(chat.by_id("send-mode")).to_have_count(5)
    ids = [item.get_attribute("data-id") for item in chat.strip.all()]
    box = chat.strip.nth(3).bounding_box()
    assert box
    session = context.new_cdp_session(chat.page)
    x, y = box["x"] + 60, box["y"] + 40

    def touch(kind: str, at: float | None = None) -> None:
        points = [] if at is None else [{"x": at, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    scrolled = "() => document.querySelector('.strip').scrollLeft"
    before = chat.page.evaluate(scrolled)
    touch("touchStart", x)
    for step in (20, 40, 60, 80, 120):
        touch("touchMove", x + step)
    touch("touchEnd")
    chat.page.wait_for_function(f"(before) => ({scrolled})() < before", arg=before)
    assert [item.get_attribute("data-id") for item in chat.strip.all()] == ids

    # Once the row has come to rest:
    chat.page.wait_for_function(
        """() => new Promise((resolve) => {
             const strip = document.querySelector('.strip');
             const at = (strip.scrollLeft = 0);
             setTimeout(() => resolve(strip.scrollLeft === at), 200);
           })"""
    )
    first, second = chat.strip.nth(0).bounding_box(), chat.strip.nth(1).bounding_box()
    assert first
    assert second
    x, y = second["x"] + 60, second["y"] + 40
    touch("touchStart", x)
    expect(chat.page.locator(".strip li.dragged")).to_have_count(1)
    touch("touchMove", x - 20)
    touch("touchMove", first["x"] + 60)
    touch("touchEnd")
    moved = [ids[1], ids[0], *ids[2:]]
    chat.page.wait_for_function(
        """(ids) => [...document.querySelectorAll('[data-testid=strip-item]')]
             .map((item) => item.dataset.id).join() === ids.join()""",
        arg=moved,
    )
    expect(chat.page.locator(".strip li.dragged")).to_have_count(0)
    context.close()
