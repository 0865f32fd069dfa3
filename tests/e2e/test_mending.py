"""What a reader mends and keeps in order: a refused question, the history; and what must not happen twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from huiyan.testing.script import Reply, Status
from tests.support.browser import ChatPage
from tests.support.page_server import PageServer, page_server
from tests.support.products import product

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server() as served:
        yield served


@pytest.fixture
def chat(browser: Browser, server: PageServer) -> Iterator[ChatPage]:
    server.engine.reset()
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    chat = ChatPage(context.new_page(), server.url).open()
    chat.wait_connection("online")
    yield chat
    assert chat.errors == []
    context.close()


def test_refusal_stands_at_the_message_in_the_readers_language_and_the_question_is_mended(
    chat: ChatPage, server: PageServer
) -> None:
    server.script(Status(status=400, message="failed to decode image"), Reply(text="一张表"))
    chat.drop(product(1))
    expect(chat.strip.first).to_have_attribute("data-state", "ready")
    chat.send("这是什么")
    chat.wait_status("error")
    problem = chat.answers.last.get_by_test_id("message-error")
    expect(problem).to_contain_text("模型拒绝了这个请求。")
    expect(problem).to_contain_text("修改问题或换一张图片再发")
    expect(problem).to_contain_text("failed to decode image")
    problem.get_by_role("button", name="修改后重发").click()
    expect(chat.composer).to_have_value("这是什么")
    expect(chat.strip).to_have_count(1)
    chat.composer.fill("这是什么表")
    chat.composer.press("Enter")
    expect(chat.answers.last).to_contain_text("一张表")
    chat.wait_done()
    expect(chat.questions).to_have_count(1)
    expect(chat.questions.get_by_test_id("branches")).to_contain_text("2/2")


def test_history_is_searched_renamed_and_deleted_by_keyboard(chat: ChatPage, server: PageServer) -> None:
    press = chat.page.keyboard.press
    server.answer("红富士苹果 ¥5.80")
    chat.ask("价签")
    press("Control+Shift+O")
    expect(chat.questions).to_have_count(0)
    server.answer("会议通知")
    chat.ask("通知")
    press("Control+k")
    expect(chat.by_id("history-search")).to_be_focused()
    expect(chat.by_id("history-item")).to_have_count(2)
    chat.page.keyboard.type("5.80")
    expect(chat.by_id("history-item")).to_have_count(1)
    press("Enter")
    expect(chat.questions).to_have_text("价签")
    press("Control+k")
    chat.by_id("history-item").filter(has_text="价签").get_by_test_id("history-rename").press("Enter")
    chat.page.keyboard.type("水果")
    press("Enter")
    renamed = chat.by_id("history-item").filter(has_text="水果")
    renamed.get_by_test_id("history-delete").press("Enter")
    chat.by_id("history-confirm-delete").press("Enter")
    expect(chat.by_id("history-item")).to_have_count(1)
    press("Escape")
    expect(chat.questions).to_have_count(0)


def test_enter_of_an_input_method_does_not_send(chat: ChatPage) -> None:
    chat.composer.fill("nihao")
    for init in ({"isComposing": True}, {"keyCode": 229}):
        chat.composer.evaluate(
            """(node, init) => node.dispatchEvent(
                 new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...init }))""",
            init,
        )
    chat.composer.press("Shift+Enter")
    expect(chat.questions).to_have_count(0)
    chat.composer.press("Enter")
    expect(chat.questions).to_have_count(1)


def test_two_tabs_send_a_question_once(chat: ChatPage, server: PageServer) -> None:
    lines = "\n\n".join(f"第 {n} 行，编号 {n * 37 % 101}。" for n in range(1, 41))
    server.script(Reply(text=lines, chunk_chars=10, delay_s=0.05))
    chat.send("写长一点")
    chat.wait_first_words()
    other = ChatPage(chat.page.context.new_page(), chat.page.url).open()
    assert "第 40 行" in other.wait_done()
    assert "第 40 行" in chat.wait_done()
    assert len(server.engine.completions) == 1


_HOSTILE = """<img src=x onerror=alert(1)> ![x](https://tracker.example/p.png)

[go](javascript:alert(1)) <style>@import 'https://evil.example/x.css'</style>

<svg onload=alert(1)></svg> <iframe src="https://evil.example/"></iframe>
<a href="data:text/html,<script>alert(1)</script>">data</a>

[bank](https://evil.example/)"""


def test_hostile_answer_is_only_text(chat: ChatPage, server: PageServer) -> None:
    requests: list[str] = []
    chat.page.on("request", lambda request: requests.append(request.url))
    server.answer(_HOSTILE)
    chat.ask("说点坏的")
    chat.page.wait_for_timeout(700)  # the full pass runs 500 ms after the last word
    assert [url for url in requests if not url.startswith(server.url)] == []
    text = chat.answers.last.get_by_test_id("assistant-text")
    assert (
        text.locator(
            "img, style, script, iframe, [onload], [onerror], a[href^=javascript], a[href^=data]"
        ).count()
        == 0
    )
    link = text.get_by_role("link", name="bank (evil.example)")
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"


def test_overlays_open_while_the_gateway_is_away(chat: ChatPage, server: PageServer) -> None:
    """What is fetched apart from the first view was fetched while there was somebody to ask."""
    chat.ask("先问一句")
    chat.page.evaluate("() => navigator.serviceWorker.ready.then(() => null)")
    chat.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    chat.page.context.set_offline(True)
    chat.page.reload()
    chat.wait_connection("offline")
    for overlay in ("history-open", "settings-open", "shortcuts-open"):
        chat.by_id(overlay).click()
        expect(chat.page.locator("dialog[open]")).to_be_visible()
        chat.page.keyboard.press("Escape")
    chat.by_id("lang-toggle").click()
    expect(chat.by_id("engine-line")).to_contain_text("cannot be reached")
    chat.page.context.set_offline(False)
    chat.wait_connection("online")
