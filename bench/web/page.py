"""What the page costs the browser: first load, a streamed answer, a long conversation.

    python -m bench.web.page [--runs 3]

From the repository's root, in an environment with the development packages, against the installed page.
Headless Chromium; the engine is the scriptable fake, the gateway the real one. Figures are medians.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Playwright, sync_playwright

from huiyan.testing.script import Reply
from tests.support.browser import CHROMIUM_FLAGS, chromium_path
from tests.support.page_server import page_server

WEB = Path(__file__).parents[2] / "web"

PARAGRAPH = (
    "## 第{n}节 Section {n}\n\n这是**重点：**商品{n}的说明，价格为 ¥{n}.90，库存 {n} 件。"
    "It holds *plain* text, `code`, and [a link](https://example.com/{n}).\n\n"
    "| 商品 | 单价 | 库存 |\n| --- | --- | --- |\n| 苹果{n} | ¥5.80 | 120 |\n| 牛奶{n} | ¥3.50 | 86 |\n\n"
    "- 第一项 {n}\n- 第二项 **bold** {n}\n\n"
)


def answer_of(size_bytes: int) -> str:
    text, n = "", 1
    while len(text.encode()) < size_bytes:
        text += PARAGRAPH.format(n=n)
        n += 1
    return text


def start_counting(session: CDPSession) -> None:
    """By the page's processor time: what else the machine does would be counted with a clock."""
    session.send("Performance.enable", {"timeDomain": "threadTicks"})


def counted_ms(session: CDPSession) -> dict[str, float]:
    """What the page's main thread has done since `start_counting` in this session."""
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    names = {"scripting_ms": "ScriptDuration", "styles_ms": "RecalcStyleDuration", "layout_ms": "LayoutDuration"}
    return {name: float(metrics[metric] * 1000) for name, metric in names.items()}


def first_load(browser: Browser, url: str) -> dict[str, float]:
    """Gzipped bytes of JavaScript: until the composer can be used, and with what is fetched once idle."""
    page = browser.new_page()
    sizes: dict[str, int] = {}

    def on_response(response: Any) -> None:
        if response.request.resource_type == "script" or response.url.endswith(".js"):
            sizes[response.url] = int(response.headers.get("content-length", "0"))

    page.on("response", on_response)
    page.goto(url)
    page.get_by_test_id("composer-input").wait_for()
    shown = sum(sizes.values())
    page.wait_for_timeout(2000)
    total = sum(sizes.values())
    page.close()
    return {"until_shown_kb": shown / 1000, "with_idle_fetches_kb": total / 1000}


def streamed(browser: Browser, server: Any) -> dict[str, float]:
    """Scripting, styles and layout while a 32 KB Markdown answer comes in steps of 16 characters."""
    text = answer_of(32 * 1024)
    server.script(Reply(text=text, chunk_chars=16, delay_s=0.002, ignores_max_tokens=True))
    page = browser.new_page()
    page.goto(server.url)
    page.get_by_test_id("composer-input").fill("讲一讲")
    page.wait_for_timeout(1500)
    session = page.context.new_cdp_session(page)
    start_counting(session)
    before = counted_ms(session)
    page.get_by_test_id("send").click()
    # Asked for now and then in one line: Playwright's own waiting would be a sixth of what is counted.
    while page.evaluate("document.querySelector('[data-testid=assistant-message]')?.dataset.status") != "done":
        page.wait_for_timeout(250)
    page.wait_for_timeout(700)  # the full pass
    spent = {name: ms - before[name] for name, ms in counted_ms(session).items()}
    page.close()
    return {**spent, "answer_bytes": float(len(text.encode())), "steps": len(text) / 16}


FILL = """async ({ conversations, messages, images }) => {
  const db = await new Promise((resolve, reject) => {
    const request = indexedDB.open("huiyan");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const pictures = [];
  for (let n = 0; n < images; n += 1) {
    const canvas = new OffscreenCanvas(320, 240);
    const context = canvas.getContext("2d");
    context.fillStyle = `hsl(${n * 7} 60% 60%)`;
    context.fillRect(0, 0, 320, 240);
    context.fillStyle = "black";
    context.font = "40px sans-serif";
    context.fillText(`#${n}`, 20, 120);
    const blob = await canvas.convertToBlob({ type: "image/png" });
    const sha256 = n.toString(16).padStart(64, "0");
    pictures.push({ sha256, blob, thumb: blob, createdMs: 1 });
  }
  const tx = db.transaction(["conversations", "messages", "images"], "readwrite");
  for (const picture of pictures) tx.objectStore("images").put(picture);
  for (let c = 0; c < conversations; c += 1) {
    const id = `bench-${c}`;
    let parentId = null;
    for (let n = 0; n < messages; n += 1) {
      const user = n % 2 === 0;
      const refs = user && pictures.length > 0 && n / 2 < pictures.length
        ? [{ sha256: pictures[n / 2].sha256, name: `p${n}.png`, type: "image/png", sizeBytes: pictures[n / 2].blob.size,
             width: 320, height: 240 }] : [];
      const text = user ? `问题 ${c}-${n}：价格是多少？` :
        `**第 ${n} 条**回答，价格 ¥${n}.90。\\n\\n| 商品 | 单价 |\\n| --- | --- |\\n| 苹果 | ${n} |\\n\\n- 一\\n- 二`;
      tx.objectStore("messages").put({
        id: `${id}-${n}`, conversationId: id, parentId, role: user ? "user" : "assistant", text, reasoning: "",
        images: refs, imageHashes: refs.map((ref) => ref.sha256), createdMs: 1000 + n, status: "done", error: null,
        model: user ? null : "Fake-VL", finishReason: null, usage: null, timing: null, sent: null,
      });
      parentId = `${id}-${n}`;
    }
    tx.objectStore("conversations").put({
      id, title: `对话 ${c} about product ${c}`, titled: false, createdMs: c, updatedMs: c, headId: parentId,
    });
  }
  await new Promise((resolve, reject) => { tx.oncomplete = resolve; tx.onerror = () => reject(tx.error); });
  db.close();
}"""

SCROLL = """async () => {
  const deltas = [];
  let last = performance.now();
  let stop = false;
  const tick = (now) => { deltas.push(now - last); last = now; if (!stop) requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  const box = document.querySelector("main");
  for (let n = 0; n < 120; n += 1) {
    box.scrollBy(0, -600);
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  stop = true;
  deltas.sort((a, b) => a - b);
  return { worst_frame_ms: deltas.at(-1), p95_frame_ms: deltas[Math.floor(deltas.length * 0.95)] };
}"""


def longest_task_ms(session: CDPSession, act: Callable[[], Any]) -> float:
    """The page's longest task while `act` runs, by processor time: frames also tell what else runs."""
    events: list[dict[str, Any]] = []
    complete: list[bool] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda _: complete.append(True))
    config = {"includedCategories": ["devtools.timeline", "disabled-by-default-devtools.timeline"]}
    session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})
    act()
    session.send("Tracing.end")
    while not complete:
        session.send("Performance.getMetrics")  # lets what has arrived be dealt with
    frames = Counter((each["pid"], each["tid"]) for each in events if each["name"] == "FireAnimationFrame")
    page = frames.most_common(1)[0][0]
    tasks = (each for each in events if each["name"] == "RunTask" and (each["pid"], each["tid"]) == page)
    return max(float(task.get("tdur", 0)) / 1000 for task in tasks)


def long_conversation(playwright: Playwright, url: str, traced: bool = False) -> dict[str, float]:
    """2,000 messages with 300 pictures: from the click in the history to the newest message, and scrolling.

    traced: the longest task in place of the frames, which tracing makes longer.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium_path(), args=CHROMIUM_FLAGS, viewport={"width": 1280, "height": 800}
        )
        page = context.new_page()
        page.goto(url)
        page.get_by_test_id("composer-input").wait_for()
        page.evaluate(FILL, {"conversations": 1, "messages": 2000, "images": 300})
        page.reload()
        page.get_by_test_id("composer-input").wait_for()
        page.wait_for_timeout(2500)
        page.get_by_test_id("history-open").click()
        page.get_by_test_id("history-item").first.wait_for()
        opened_ms = page.evaluate(
            """async () => {
              const newest = () => [...document.querySelectorAll('[data-testid="assistant-text"]')]
                .some((element) => element.textContent.includes('第 1999 条'));
              const item = document.querySelector('[data-testid="history-item"]');
              const start = performance.now();
              (item.querySelector('button, a') ?? item).click();
              while (!newest()) await new Promise((resolve) => requestAnimationFrame(resolve));
              await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
              return performance.now() - start;
            }"""
        )
        if traced:
            longest_ms = longest_task_ms(context.new_cdp_session(page), lambda: page.evaluate(SCROLL))
            context.close()
            return {"longest_task_ms": longest_ms}
        frames = page.evaluate(SCROLL)
        context.close()
        return {"open_ms": float(opened_ms)} | {name: float(value) for name, value in frames.items()}


def full_parse_ms(text: str) -> float:
    """Parsing everything anew at each step, markdown-it alone, in Node: what is avoided."""
    program = """
      import MarkdownIt from "markdown-it"; import cjk from "markdown-it-cjk-friendly";
      const text = JSON.parse(process.argv[1]); const md = MarkdownIt({ linkify: true, breaks: true }).use(cjk);
      const start = performance.now();
      for (let end = 16; end < text.length; end += 16) md.render(text.slice(0, end));
      console.log(performance.now() - start);
    """
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program, "--", json.dumps(text)],
        cwd=WEB, capture_output=True, text=True, check=True,
    )
    return float(done.stdout.strip())


def median(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(row[name] for row in rows), 1) for name in rows[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    print(f"machine: {platform.machine()}, Python {platform.python_version()}")
    with page_server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        print("first load:", median([first_load(browser, server.url) for _ in range(runs)]), flush=True)
        print("streamed answer:", median([streamed(browser, server) for _ in range(runs)]), flush=True)
        browser.close()
        rows = [long_conversation(playwright, server.url) for _ in range(runs)]
        print("2,000 messages, 300 pictures:", median(rows), flush=True)
        rows = [long_conversation(playwright, server.url, traced=True) for _ in range(runs)]
        print("processor time of the longest task while scrolling there:", median(rows), flush=True)
    print(f"full parse at each step, in Node: {full_parse_ms(answer_of(32 * 1024)):.0f} ms")


if __name__ == "__main__":
    main()
