"""Formulas, coloured code and diagrams in answers, and copying them, under the real security policy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from huiyan.testing.script import Reply
from tests.support.browser import ChatPage
from tests.support.page_server import PageServer, page_server

pytestmark = pytest.mark.browser

_ANSWER = r"""# 结果

面积 $S = \pi r^2$，价格从 $5 到 $10。

$$
\int_0^1 x^2\,dx = \frac{1}{3}
$$

1. 第一步 \(a_1 * b_1\)
2. 第二步

```python
def area(r: float) -> float:  # 圆
    return 3.14 * r ** 2
```

| 名称 | 价格 |
| --- | ---: |
| 苹果 | 5.80 |

```mermaid
flowchart LR
  A[拍照] --> B{清楚?}
  B -- 是 --> C[发送]
  B -- 否 --> A
```
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server() as served:
        yield served


@pytest.fixture
def chat(browser: Browser, server: PageServer) -> Iterator[ChatPage]:
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat = ChatPage(context.new_page(), server.url).open()
    yield chat
    assert chat.errors == []
    context.close()


def _ask(chat: ChatPage, server: PageServer, answer: str) -> None:
    server.answer(answer)
    chat.ask("？")


def test_formulas_are_set_and_prices_are_not(chat: ChatPage, server: PageServer) -> None:
    _ask(chat, server, _ANSWER)
    text = chat.answers.last.get_by_test_id("assistant-text")
    expect(text.locator(".katex-html")).to_have_count(3)
    expect(text.locator(".katex-display")).to_have_count(1)
    expect(text).to_contain_text("价格从 $5 到 $10。")
    # The styles that KaTeX sets by script are applied. Asked in the page: the full pass may still come.
    chat.page.wait_for_function(
        "() => document.querySelector('.katex-html .msupsub')?.getBoundingClientRect().height > 0"
    )
    # Loading is what is asked for: `check` may be early, and is true of fonts that nobody has.
    fonts = chat.page.evaluate("() => document.fonts.load('16px KaTeX_Main').then((faces) => faces.length)")
    assert fonts


def test_code_is_coloured_and_stays_the_same_text(chat: ChatPage, server: PageServer) -> None:
    _ask(chat, server, _ANSWER)
    code = chat.page.locator("code.language-python")
    expect(code.locator(".hljs-keyword").first).to_have_text("def")
    assert code.inner_text() == "def area(r: float) -> float:  # 圆\n    return 3.14 * r ** 2\n"
    chat.page.get_by_label("复制代码").first.click()
    copied = chat.page.evaluate("() => navigator.clipboard.readText()")
    assert copied == "def area(r: float) -> float:  # 圆\n    return 3.14 * r ** 2"


def test_a_diagram_is_drawn_as_a_picture_with_its_source(chat: ChatPage, server: PageServer) -> None:
    _ask(chat, server, _ANSWER)
    picture = chat.page.locator(".md-diagram img")
    expect(picture).to_be_visible(timeout=30_000)
    box = picture.bounding_box()
    assert box
    assert box["width"] > 200
    assert box["height"] > 40
    chat.page.get_by_text("图示源码").click()
    expect(chat.page.locator("code.language-mermaid").first).to_be_visible()


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("sequence", "sequenceDiagram\n  甲->>乙: 你好\n  乙-->>甲: 好"),
        ("class", "classDiagram\n  class Animal{\n    +int age\n    +run()\n  }"),
        ("state", "stateDiagram-v2\n  [*] --> 开\n  开 --> 关"),
        ("pie", 'pie title 销量\n  "苹果" : 40\n  "梨" : 60'),
        ("gantt", "gantt\n  title 计划\n  section 一\n  任务 :a1, 2026-01-01, 30d"),
        ("elk asked for", "---\nconfig:\n  layout: elk\n---\nflowchart TD\n  A --> B"),
        ("styled", "flowchart TD\n  A[红] --> B\n  style A fill:#f9f,stroke:#333,stroke-width:4px"),
        ("mindmap", "mindmap\n  root((中心))\n    枝一\n    枝二"),
        ("er", "erDiagram\n  CUSTOMER ||--o{ ORDER : places"),
    ],
)
def test_kinds_of_diagrams(chat: ChatPage, server: PageServer, kind: str, source: str) -> None:
    _ask(chat, server, f"```mermaid\n{source}\n```")
    expect(chat.page.locator(".md-diagram img")).to_be_visible(timeout=30_000)
    width = chat.page.locator(".md-diagram img").evaluate("(image) => image.naturalWidth")
    assert width > 50, kind


_HOSTILE = """flowchart LR
  A["<img src=x onerror=alert(1)><script>window.hacked = 1</script>"] --> B
  click A "javascript:window.hacked=1"
  click B call alert(1)
%%{init: {"securityLevel": "loose", "themeCSS": "@import url(http://192.0.2.1/x.css)"}}%%
"""


def test_a_hostile_diagram_does_nothing(chat: ChatPage, server: PageServer) -> None:
    outside: list[str] = []
    chat.page.on("request", lambda request: outside.append(request.url) if "192.0.2" in request.url else None)
    _ask(
        chat,
        server,
        f"```mermaid\n{_HOSTILE}```\n\n$\\href{{javascript:alert(1)}}{{x}}$ "
        "$\\includegraphics{http://192.0.2.1/a.png}$ 完",
    )
    chat.page.wait_for_timeout(3000)
    assert chat.page.evaluate("() => window.hacked") is None
    assert chat.page.locator(".md a[href^=javascript], .md .md-diagram a, .md script").count() == 0
    assert outside == []
    # What Mermaid parses on its way is stopped by the policy, and the browser says so.
    assert all("event handler violates" in error for error in chat.errors), chat.errors
    chat.errors.clear()


def test_a_diagram_that_is_wrong_stays_readable(chat: ChatPage, server: PageServer) -> None:
    _ask(chat, server, '```mermaid\nflowchart LR\n  A -->\n```\n\n```mermaid\npie\n "a" : 1\n```')
    expect(chat.page.locator(".md-diagram img")).to_have_count(1, timeout=30_000)
    expect(chat.page.locator("code.language-mermaid").first).to_be_visible()


_STORED_TEXT = """async () => {
  const db = await new Promise((resolve, reject) => {
    const request = indexedDB.open("huiyan");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const messages = await new Promise((resolve, reject) => {
    const request = db.transaction("messages").objectStore("messages").getAll();
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  db.close();
  return messages.filter((each) => each.role === "assistant").map((each) => each.text);
}"""


@pytest.mark.parametrize(
    ("said", "shown", "words"),
    [
        ("说明：\n\n**重点：价", "strong", "重点：价"),
        ("Notes:\n\n**Price per", "strong", "Price per"),
        ("先运行`npm 安", "code", "npm 安"),
        ("Run `npm inst", "code", "npm inst"),
    ],
)
def test_an_answer_that_is_stopped_shows_its_marks_closed(
    chat: ChatPage, server: PageServer, said: str, shown: str, words: str
) -> None:
    server.script(Reply(text=f"{said}x", chunk_chars=len(said), delay_s=60))
    chat.send("？")
    text = chat.answers.last.get_by_test_id("assistant-text")
    expect(text.locator(shown)).to_have_text(words)
    chat.by_id("stop").click(force=True)
    chat.wait_status("stopped")
    chat.page.reload()
    expect(chat.answers.last).to_have_attribute("data-status", "stopped")
    expect(text.locator(shown)).to_have_text(words)
    expect(text).not_to_contain_text("**")
    expect(text).not_to_contain_text("`")
    assert chat.page.evaluate(_STORED_TEXT) == [said]


def test_half_a_table_is_no_table(chat: ChatPage, server: PageServer) -> None:
    said = "价目：\n\n| 商品 | 单价 |\n| --- |"
    server.script(Reply(text=f"{said} --- |\n| 苹果 | 5.80 |", chunk_chars=len(said), delay_s=60))
    chat.send("？")
    text = chat.answers.last.get_by_test_id("assistant-text")
    expect(text.locator("p").last).to_have_text("| 商品 | 单价 |")
    expect(text.locator("table")).to_have_count(0)
    chat.by_id("stop").click(force=True)
    chat.wait_status("stopped")
    expect(text.locator("p").last).to_have_text("| 商品 | 单价 |")


def test_nothing_is_fetched_for_a_plain_answer(chat: ChatPage, server: PageServer) -> None:
    fetched: list[str] = []
    chat.page.on("request", lambda request: fetched.append(request.url))
    _ask(chat, server, "就是文字。**粗体**")
    chat.page.wait_for_timeout(1500)
    heavy = [
        url for url in fetched if any(part in url for part in ("formulas", "highlight", "diagram", "katex"))
    ]
    assert heavy == []


def test_copy_as_markdown_plain_and_rich(chat: ChatPage, server: PageServer) -> None:
    _ask(chat, server, _ANSWER)

    # Escape closes the menu, and leaves everything else as it is.
    chat.answers.last.hover()
    chat.answers.last.get_by_test_id("copy-as").click()
    expect(chat.page.get_by_role("menuitem").first).to_be_focused()
    chat.page.keyboard.press("Escape")
    expect(chat.page.get_by_role("menu")).to_be_hidden()

    def copy_as(name: str) -> dict[str, str]:
        chat.page.evaluate("() => navigator.clipboard.writeText('')")
        chat.answers.last.hover()
        chat.answers.last.get_by_test_id("copy-as").click()
        chat.page.get_by_role("menuitem", name=name).click()
        expect(chat.by_id("notice").filter(has_text="已复制").last).to_be_visible()
        read: dict[str, str] = {}
        for _ in range(100):  # the clipboard is another process's, and a moment behind
            read = chat.page.evaluate(
                """async () => {
                  const kinds = {};
                  for (const item of await navigator.clipboard.read())
                    for (const type of item.types) kinds[type] = await (await item.getType(type)).text();
                  return kinds;
                }"""
            )
            if read.get("text/plain"):
                break
            chat.page.wait_for_timeout(100)
        return read

    assert copy_as("Markdown")["text/plain"].strip() == _ANSWER.strip()
    plain = copy_as("纯文本")["text/plain"]
    assert "结果\n" in plain
    assert "#" not in plain.replace("# 圆", "")
    assert "1. 第一步" in plain
    assert "苹果\t5.80" in plain
    rich = copy_as("带格式文本")
    assert "<h1>结果</h1>" in rich["text/html"]
    assert "<td" in rich["text/html"]
    assert "<math" in rich["text/html"]
    assert "class=" not in rich["text/html"]
    assert "面积" in rich["text/plain"]
