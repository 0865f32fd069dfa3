"""Reading along: anchored to the newest words, left alone higher up, nothing lost of a selection."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from huiyan.testing.script import Reply
from tests.support.browser import ChatPage
from tests.support.page_server import PageServer, page_server

pytestmark = pytest.mark.browser

_CHARACTERS = "天地人日月山川风云水火土木金石花草鸟鱼书画琴棋茶酒米面油盐春夏秋冬东西南北上下左右前后里外"
_RANDOM = random.Random(7)
#: Sixty paragraphs that resemble each other little: an answer that repeats itself is cut by the page.
LONG = "\n\n".join(f"第 {n} 段，{''.join(_RANDOM.sample(_CHARACTERS, 18))}。" for n in range(1, 61))

#: CSS pixels between the end of the conversation and the end of what is seen.
_GAP = (
    "document.querySelector('main').scrollHeight - document.querySelector('main').scrollTop - "
    "document.querySelector('main').clientHeight"
)


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
    # By then what is fetched apart is here: its texts draw finished blocks anew, once.
    chat.page.evaluate("() => navigator.serviceWorker.ready.then(() => null)")
    yield chat
    assert chat.errors == []
    context.close()


def _wait_at_end(chat: ChatPage) -> None:
    chat.page.wait_for_function(f"() => {_GAP} <= 2")


def test_reader_at_the_end_stays_there_and_one_who_scrolled_up_is_left_alone(
    chat: ChatPage, server: PageServer
) -> None:
    server.script(Reply(text=LONG, chunk_chars=20, delay_s=0.06))
    chat.send("写长一点")
    text = chat.answers.last.get_by_test_id("assistant-text")
    expect(text).to_contain_text("第 18 段")
    _wait_at_end(chat)
    main = chat.page.locator("main")
    assert main.evaluate("(main) => main.scrollTop") > 0, "it is longer than the window by now"
    main.hover()
    chat.page.mouse.wheel(0, -300)
    expect(chat.by_id("to-newest")).to_be_visible()
    chat.page.evaluate(
        "() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
    )
    place = main.evaluate("(main) => main.scrollTop")
    expect(text).to_contain_text("第 30 段")
    assert main.evaluate("(main) => main.scrollTop") == place
    chat.by_id("to-newest").click()
    _wait_at_end(chat)
    chat.wait_done()
    _wait_at_end(chat)
    chat.by_id("to-top").click()
    chat.page.wait_for_function("() => document.querySelector('main').scrollTop === 0")


def test_selection_in_finished_text_survives_the_stream(chat: ChatPage, server: PageServer) -> None:
    server.script(Reply(text=LONG, chunk_chars=20, delay_s=0.04))
    chat.send("写长一点")
    text = chat.answers.last.get_by_test_id("assistant-text")
    expect(text).to_contain_text("第 5 段")
    chat.answers.last.locator(".md-block").first.evaluate("(node) => getSelection().selectAllChildren(node)")
    chat.wait_done()
    chat.page.wait_for_timeout(700)  # the full pass runs 500 ms after the last word
    assert chat.page.evaluate("getSelection().toString().trim()") == LONG.split("\n")[0]


_FILL = """async () => {
  const db = await new Promise((resolve) => {
    const request = indexedDB.open('huiyan');
    request.onsuccess = () => resolve(request.result);
  });
  const tx = db.transaction(['conversations', 'messages'], 'readwrite');
  let parentId = null;
  for (let n = 0; n < 600; n++) {
    const id = `m${n}`;
    tx.objectStore('messages').put({ id, conversationId: 'long', parentId, text: `第 ${n} 条`,
      role: n % 2 ? 'assistant' : 'user', reasoning: '', images: [], imageHashes: [], createdMs: n,
      status: 'done', error: null, model: null, finishReason: null, usage: null, timing: null, sent: null });
    parentId = id;
  }
  tx.objectStore('conversations').put({ id: 'long', title: 'long', titled: true, createdMs: 0,
    updatedMs: 1, headId: parentId });
  await new Promise((resolve) => { tx.oncomplete = resolve; });
  db.close();
}"""


def test_long_conversation_opens_at_its_end_and_reaches_its_beginning(chat: ChatPage) -> None:
    chat.page.evaluate(_FILL)
    chat.page.goto(f"{chat.url}/#/c/long")
    chat.page.reload()
    expect(chat.page.get_by_text("第 599 条", exact=True)).to_be_in_viewport()
    chat.by_id("to-top").click()
    expect(chat.page.get_by_text("第 0 条", exact=True)).to_be_in_viewport()
