"""How long a search over 10,000 conversations takes, in a headless Chromium.

    python bench/web/search.py [--conversations 10000] [--json]

Fills the page's own database with conversations of four messages each (Chinese and English, 400
characters on average, from a fixed seed), opens the history, and types. Reported are milliseconds from
a changed query to the results being in the page and painted, for queries that are found often, seldom,
and never, without a tag and within one that every third conversation has; for a press on that tag itself;
and how long the texts took to be read when the history was opened for the first time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.browser import CHROMIUM_FLAGS, chromium_path
from tests.support.page_server import page_server

_FILL = """async (count) => {
  const open = indexedDB.open("huiyan");
  const db = await new Promise((resolve, reject) => {
    open.onsuccess = () => resolve(open.result);
    open.onerror = () => reject(open.error);
  });
  const words = ("商品 标题 卖点 苹果 手机 红色 尺寸 价格 包装 客服 发货 图片 表格 识别 文字 " +
    "product title price size red box photo table answer question").split(" ");
  let state = 7;
  const random = (n) => (state = (state * 1103515245 + 12345) & 0x7fffffff) % n;
  const text = (n) => Array.from({ length: n }, () => words[random(words.length)]).join(random(2) ? " " : "");
  for (let from = 0; from < count; from += 500) {
    const tx = db.transaction(["conversations", "messages"], "readwrite");
    for (let c = from; c < Math.min(count, from + 500); c++) {
      const id = `c${c}`;
      const title = text(6) + (c % 1000 === 5 ? " 独角兽" : "");
      tx.objectStore("conversations").put({
        id, title, titled: false, createdMs: c, updatedMs: 1.7e12 + c * 60000, headId: `${id}-3`,
        tags: [`tag ${c % 60}`, ...(c % 3 ? [] : ["common"])], starred: c % 2000 === 9,
      });
      for (let m = 0; m < 4; m++) {
        const rare = c % 2500 === 17 && m === 3 ? " Zanzibar" : "";
        tx.objectStore("messages").put({
          id: `${id}-${m}`, conversationId: id, parentId: m ? `${id}-${m - 1}` : null,
          role: m % 2 ? "assistant" : "user", text: text(20 + random(160)) + rare, reasoning: "",
          images: [], imageHashes: [], createdMs: c * 10 + m,
          status: "done", error: null, model: null, finishReason: null, usage: null, timing: null, sent: null,
        });
      }
    }
    await new Promise((resolve, reject) => {
      tx.oncomplete = resolve;
      tx.onerror = () => reject(tx.error);
    });
  }
  db.close();
}"""

_SEARCH = """async (query) => {
  const input = document.querySelector("#history-search");
  const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const run = async (value) => {
    const start = performance.now();
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    const scriptMs = performance.now() - start;
    await painted();
    return [scriptMs, performance.now() - start];
  };
  await run("");
  const [, ms] = await run(query);
  return ms;
}"""

_TOGGLE = """async () => {
  const button = [...document.querySelectorAll("[data-testid=tag-filter]")]
    .find((each) => each.textContent.startsWith("common"));
  const start = performance.now();
  button.click();
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - start;
}"""

QUERIES = {
    "in most": "红色",
    "in most, two words": "price 商品",
    "in few titles": "独角兽",
    "in few texts": "zanzibar",
    "nowhere": "xylophon",
    "one letter": "p",
}


def _measure(page: Page, repeats: int) -> dict[str, float]:
    """Median milliseconds for each query."""
    return {
        name: round(statistics.median(page.evaluate(_SEARCH, query) for _ in range(repeats)), 1)
        for name, query in QUERIES.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with page_server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        page = browser.new_page()
        page.goto(server.url)
        page.get_by_test_id("composer-input").wait_for()
        page.evaluate(_FILL, arguments.conversations)
        page.reload()
        page.get_by_test_id("composer-input").wait_for()
        page.wait_for_timeout(2_000)
        page.get_by_test_id("history-open").click()
        page.get_by_test_id("history-search").wait_for()
        page.evaluate("() => (window.openedMs = performance.now())")
        page.get_by_test_id("history-search").fill("zanzibar")
        page.wait_for_function(
            "(count) => document.querySelectorAll('[data-testid=history-item]').length === count",
            arg=-(-max(0, arguments.conversations - 17) // 2500),
            timeout=120_000,
        )
        read_ms = round(page.evaluate("() => performance.now() - window.openedMs"))
        result = {
            "conversations": arguments.conversations,
            "messages": 4 * arguments.conversations,
            "cores": os.cpu_count(),
            "first_read_ms": read_ms,
            "search_ms": _measure(page, arguments.repeats),
        }
        page.get_by_test_id("history-search").fill("")
        presses = [page.evaluate(_TOGGLE) for _ in range(2 * arguments.repeats + 1)]  # on, off, ..., on
        result["tag_press_ms"] = round(statistics.median(presses), 1)
        result["search_within_tag_ms"] = _measure(page, arguments.repeats)
        browser.close()
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    print(
        f"{result['conversations']:,} conversations, {result['messages']:,} messages, {result['cores']} cores"
    )
    print(f"  texts read when the history was first opened: {read_ms} ms")
    print(f"  a tag pressed: {result['tag_press_ms']} ms")
    for name, ms in result["search_ms"].items():
        print(f"  {name:20} {ms:6.1f} ms   within a tag {result['search_within_tag_ms'][name]:6.1f} ms")


if __name__ == "__main__":
    main()
