"""The page in a real Chromium, against the fake gateway beside this file.

    npm --prefix web run build -- --outDir /tmp/page
    HUIYAN_PAGE=/tmp/page pytest web/tests/test_page.py

For what needs faults on cue or exact timing; the whole product is tested in tests/e2e.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "public" / "samples"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
_CHARACTERS = "天地人日月山川风云水火土木金石花草鸟鱼书画琴棋茶酒米面油盐春夏秋冬东西南北上下左右前后里外"
_RANDOM = random.Random(7)
#: Sixty paragraphs that resemble each other little: an answer that repeats itself is cut by the page.
LONG = "\n\n".join(f"第 {n} 段，{''.join(_RANDOM.sample(_CHARACTERS, 18))}。" for n in range(1, 61))


class Fake:
    """Tells the fake gateway what to do."""

    def __init__(self, url: str) -> None:
        self.url = url

    def post(self, path: str, body: object) -> None:
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request).close()

    def next(self, *scripts: dict[str, Any]) -> None:
        self.post("/fake/next", scripts)

    def asked(self, route: str = "complete") -> list[dict[str, Any]]:
        with urllib.request.urlopen(self.url + "/fake/log") as response:
            return [entry for entry in json.load(response) if entry["route"] == route]


@pytest.fixture
def fake() -> Iterator[Fake]:
    node = shutil.which("node")
    assert node, "no Node on the PATH"
    process = subprocess.Popen(
        [node, str(HERE / "fake_gateway.mjs")], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout
    yield Fake(process.stdout.readline().strip())
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, fake: Fake) -> Iterator[Page]:
    context = chromium.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda line: (
            errors.append(line.text)
            if line.type == "error" and "Failed to load resource" not in line.text
            else None
        ),
    )
    open_page(page, fake)
    yield page
    context.close()
    assert errors == [], "uncaught errors, or something that the content security policy blocked"


def open_page(page: Page, fake: Fake) -> None:
    page.goto(fake.url)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "online")


def add(page: Page, *names: str) -> None:
    there = page.get_by_test_id("strip-item").count()
    page.get_by_test_id("attach-input").set_input_files([SAMPLES / name for name in names])
    expect(page.locator('[data-testid=strip-item][data-state="ready"]')).to_have_count(there + len(names))


def strip_names(page: Page) -> list[str]:
    names: list[str] = page.locator("[data-strip-focus]").evaluate_all("(all) => all.map((one) => one.title)")
    return names


def send(page: Page, text: str) -> Locator:
    """Send; returns the answer that it leads to."""
    count = page.get_by_test_id("assistant-message").count()
    page.get_by_test_id("composer-input").fill(text)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("assistant-message")).to_have_count(count + 1)
    return page.get_by_test_id("assistant-message").last


def done(answer: Locator, status: str = "done") -> str:
    expect(answer).to_have_attribute("data-status", status, timeout=20_000)
    return answer.get_by_test_id("assistant-text").inner_text()


def test_pictures_stand_before_the_text_in_their_order(page: Page, fake: Fake) -> None:
    add(page, "table_zh.png", "notice_zh.png")
    done(send(page, "比较图1和图2。"))
    content = fake.asked()[0]["body"]["messages"][0]["content"]
    assert [part.startswith("[data:image/png;base64,") for part in content] == [True, True, False]


def test_keyboard_reorders_and_removes_pictures(page: Page) -> None:
    add(page, "table_zh.png", "notice_zh.png", "sign_en.png")
    page.locator("[data-strip-focus]").nth(2).focus()
    page.keyboard.press("Alt+ArrowLeft")
    page.keyboard.press("Alt+ArrowLeft")
    assert strip_names(page) == ["sign_en.png", "table_zh.png", "notice_zh.png"]
    page.keyboard.press("Delete")
    assert strip_names(page) == ["table_zh.png", "notice_zh.png"]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    expect(page.get_by_test_id("composer-input")).to_be_focused()


def test_mouse_reorders_pictures(page: Page) -> None:
    add(page, "table_zh.png", "notice_zh.png", "sign_en.png")
    first, last = (
        page.get_by_test_id("strip-item").first.bounding_box(),
        page.get_by_test_id("strip-item").last.bounding_box(),
    )
    assert first
    assert last
    page.mouse.move(first["x"] + 30, first["y"] + 30)
    page.mouse.down()
    page.mouse.move(last["x"] + 30, last["y"] + 30, steps=8)
    page.mouse.up()
    assert strip_names(page) == ["notice_zh.png", "sign_en.png", "table_zh.png"]
    expect(page.get_by_test_id("lightbox")).to_have_count(0)


def test_tenth_picture_and_a_text_file_are_refused_by_name(page: Page) -> None:
    add(page, *["table_zh.png"] * 9)
    page.get_by_test_id("attach-input").set_input_files(SAMPLES / "sign_en.png")
    expect(page.get_by_test_id("notice").filter(has_text="sign_en.png")).to_contain_text("最多 9 张")
    page.get_by_test_id("strip-remove").first.click()
    page.get_by_test_id("attach-input").set_input_files(
        {"name": "说明.txt", "mimeType": "image/png", "buffer": b"no picture at all"}
    )
    expect(page.get_by_test_id("notice").filter(has_text="说明.txt")).to_contain_text("不是图片")
    expect(page.get_by_test_id("strip-item")).to_have_count(8)


def test_enter_of_an_input_method_does_not_send(page: Page) -> None:
    box = page.get_by_test_id("composer-input")
    box.fill("nihao")
    for init in ({"isComposing": True}, {"keyCode": 229}):
        box.evaluate(
            "(node, init) => node.dispatchEvent(new KeyboardEvent('keydown',"
            " { key: 'Enter', bubbles: true, cancelable: true, ...init }))",
            init,
        )
    expect(page.get_by_test_id("user-message")).to_have_count(0)
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_test_id("user-message")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("user-message")).to_have_count(1)


def test_reader_at_the_end_stays_there_and_one_who_scrolled_up_is_left_alone(page: Page, fake: Fake) -> None:
    fake.next({"text": LONG, "chunk_chars": 20, "chunk_ms": 30})
    answer = send(page, "写长一点")
    main = page.locator("main")
    gap = "(node) => node.scrollHeight - node.scrollTop - node.clientHeight"
    page.wait_for_timeout(800)
    assert main.evaluate(gap) <= 2
    main.hover()
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(200)
    place = main.evaluate("(node) => node.scrollTop")
    page.wait_for_timeout(600)
    assert main.evaluate("(node) => node.scrollTop") == place
    page.get_by_test_id("to-newest").click()
    page.wait_for_timeout(300)
    assert main.evaluate(gap) <= 2
    done(answer)
    assert main.evaluate(gap) <= 2
    page.get_by_test_id("to-top").click()
    assert main.evaluate("(node) => node.scrollTop") == 0


def test_selection_in_finished_text_survives_the_stream(page: Page, fake: Fake) -> None:
    fake.next({"text": LONG, "chunk_chars": 10, "chunk_ms": 15})
    answer = send(page, "写长一点")
    first = answer.locator(".md-block").first
    expect(answer.locator(".md-block")).not_to_have_count(0)
    page.wait_for_timeout(400)
    first.evaluate("(node) => getSelection().selectAllChildren(node)")
    done(answer)
    page.wait_for_timeout(700)
    assert page.evaluate("getSelection().toString().trim()") == LONG.split("\n")[0]


def test_answer_that_is_cut_off_is_read_again_and_never_shrinks(page: Page, fake: Fake) -> None:
    fake.next({"text": LONG, "chunk_chars": 20, "chunk_ms": 10, "cut_after": 30})
    page.evaluate(
        """() => { window.lengths = []; new MutationObserver(() => {
          const text = document.querySelector('[data-testid=assistant-text]');
          if (text) window.lengths.push(text.textContent.length);
        }).observe(document.body, { childList: true, subtree: true, characterData: true }); }"""
    )
    text = done(send(page, "写长一点"))
    assert text.count("段，") == 60
    lengths = page.evaluate("window.lengths")
    # Closing an open mark for display may take two characters away again.
    assert all(after >= before - 2 for before, after in pairwise(lengths))
    keys = [entry["key"] for entry in fake.asked()]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert fake.asked()[1]["replay"]


def test_reload_in_the_middle_leads_to_the_one_answer(page: Page, fake: Fake) -> None:
    fake.next({"text": LONG, "chunk_chars": 20, "chunk_ms": 20})
    answer = send(page, "写长一点")
    expect(answer.get_by_test_id("assistant-text")).to_contain_text("第 2 段")
    page.reload()
    assert done(page.get_by_test_id("assistant-message")).count("段，") == 60
    assert [entry["replay"] for entry in fake.asked()] == [False, True]


def test_gateway_that_restarts_and_forgets_runs_it_again(page: Page, fake: Fake) -> None:
    fake.next({"text": LONG, "chunk_chars": 20, "chunk_ms": 20}, {"text": LONG, "chunk_chars": 200})
    answer = send(page, "写长一点")
    expect(answer.get_by_test_id("assistant-text")).to_contain_text("第 2 段")
    fake.post("/fake/away", {"ms": 1000})
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "offline")
    expect(answer).to_contain_text("第 1 段")
    assert done(answer).count("段，") == 60
    expect(page.get_by_test_id("assistant-message")).to_have_count(1)


def test_engine_that_dies_in_the_middle_is_waited_for(page: Page, fake: Fake) -> None:
    fake.next({"text": LONG, "chunk_chars": 20, "die_after": 10}, {"text": "好了"})
    fake_states = [{"state": "restarting", "retry_in_s": 1.0}, {"state": "ready", "retry_in_s": None}]
    answer = send(page, "看看")
    fake.post("/fake/state", {"engine": fake_states[0]})
    expect(answer).to_have_attribute("data-status", "waiting")
    expect(page.get_by_test_id("engine-state")).to_have_attribute("data-state", "restarting")
    fake.post("/fake/state", {"engine": fake_states[1]})
    assert done(answer) == "好了"


def test_refusal_stands_at_the_message_and_the_question_can_be_mended(page: Page, fake: Fake) -> None:
    body = {"error": {"message": "Picture 1 is damaged.", "code": "invalid_image", "hint": "Save it again."}}
    fake.next({"error": {"status": 400, "body": body}})
    add(page, "table_zh.png")
    answer = send(page, "这是什么")
    done(answer, "error")
    expect(answer.get_by_test_id("message-error")).to_contain_text("Picture 1 is damaged.")
    answer.get_by_role("button", name="修改后重发").click()
    expect(page.get_by_test_id("composer-input")).to_have_value("这是什么")
    expect(page.get_by_test_id("strip-item")).to_have_count(1)
    page.get_by_test_id("composer-input").fill("这是什么表")
    page.keyboard.press("Enter")
    done(page.get_by_test_id("assistant-message").last)
    expect(page.get_by_test_id("user-message")).to_have_count(1)
    expect(page.get_by_test_id("user-message").get_by_test_id("branches")).to_contain_text("2/2")


def test_stop_keeps_what_arrived_and_asking_again_makes_a_branch(page: Page, fake: Fake) -> None:
    fake.next({"text": LONG, "chunk_chars": 20, "chunk_ms": 20})
    answer = send(page, "写长一点")
    expect(answer.get_by_test_id("assistant-text")).to_contain_text("第 2 段")
    page.get_by_test_id("stop").click()
    assert "第 1 段" in done(answer, "stopped")
    assert len(fake.asked("stop")) == 1
    fake.next({"text": "第二个回答"})
    page.get_by_test_id("regenerate").click()
    assert done(page.get_by_test_id("assistant-message")) == "第二个回答"
    branches = page.get_by_test_id("assistant-message").get_by_test_id("branches")
    expect(branches).to_contain_text("2/2")
    branches.get_by_role("button").first.click()
    expect(page.get_by_test_id("assistant-message")).to_have_attribute("data-status", "stopped")


def test_history_is_searched_renamed_and_deleted_by_keyboard(page: Page, fake: Fake) -> None:
    fake.next({"text": "红富士苹果 ¥5.80"}, {"text": "会议通知"})
    done(send(page, "价签"))
    page.keyboard.press("Control+Shift+O")
    done(send(page, "通知"))
    page.keyboard.press("Control+k")
    expect(page.get_by_test_id("history-search")).to_be_focused()
    expect(page.get_by_test_id("history-item")).to_have_count(2)
    page.keyboard.type("5.80")
    expect(page.get_by_test_id("history-item")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("user-message")).to_have_text("价签")
    page.keyboard.press("Control+k")
    item = page.get_by_test_id("history-item").filter(has_text="价签")
    item.get_by_test_id("history-rename").click()
    page.keyboard.type("水果")
    page.keyboard.press("Enter")
    item = page.get_by_test_id("history-item").filter(has_text="水果")
    item.get_by_test_id("history-delete").click()
    page.get_by_test_id("history-confirm-delete").click()
    expect(page.get_by_test_id("history-item")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("user-message")).to_have_count(0)


def test_page_can_be_read_while_the_gateway_is_away(page: Page, fake: Fake) -> None:
    done(send(page, "先问一句"))
    page.wait_for_timeout(1200)  # what is fetched apart is fetched by now
    fake.post("/fake/away", {"ms": 4000})
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "offline")
    for overlay in ("history-open", "settings-open", "shortcuts-open"):
        page.get_by_test_id(overlay).click()
        expect(page.locator("dialog[open]")).to_be_visible()
        page.keyboard.press("Escape")
    page.get_by_test_id("lang-toggle").click()
    expect(page.get_by_test_id("engine-line")).to_contain_text("cannot be reached")
    answer = send(page, "offline question")
    expect(answer).to_have_attribute("data-status", "waiting")
    done(answer)


def test_hostile_answer_is_only_text(page: Page, fake: Fake) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    fake.next(
        {
            "text": "<img src=x onerror=alert(1)> ![x](https://tracker.example/p.png)\n\n"
            "[go](javascript:alert(1)) <style>@import 'https://evil.example/x.css'</style>\n\n"
            "[bank](https://evil.example/)"
        }
    )
    answer = send(page, "说点坏的")
    done(answer)
    page.wait_for_timeout(600)
    assert [url for url in requests if not url.startswith(fake.url)] == []
    assert answer.locator("img, style, script, iframe").count() == 0
    link = answer.get_by_role("link", name="bank (evil.example)")
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"


def test_two_tabs_send_a_question_once(page: Page, fake: Fake) -> None:
    fake.next({"text": LONG, "chunk_chars": 20, "chunk_ms": 20})
    send(page, "写长一点")
    other = page.context.new_page()
    other.goto(page.url)
    assert done(other.get_by_test_id("assistant-message")).count("段，") == 60
    assert done(page.get_by_test_id("assistant-message")).count("段，") == 60
    assert len(fake.asked()) == 1


def test_long_conversation_opens_at_its_end_and_reaches_its_beginning(page: Page, fake: Fake) -> None:
    page.evaluate(
        """async () => {
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
              status: 'done', error: null, model: null, finishReason: null, usage: null,
              timing: null, sent: null });
            parentId = id;
          }
          tx.objectStore('conversations').put({ id: 'long', title: 'long', titled: true, createdMs: 0,
            updatedMs: 1, headId: parentId });
          await new Promise((resolve) => { tx.oncomplete = resolve; });
          db.close();
        }"""
    )
    page.goto(fake.url + "/#/c/long")
    page.reload()
    expect(page.get_by_text("第 599 条", exact=True)).to_be_in_viewport()
    page.get_by_test_id("to-top").click()
    expect(page.get_by_text("第 0 条", exact=True)).to_be_in_viewport()
