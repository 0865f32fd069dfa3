"""What preparing nine 12-megapixel photographs costs the page's main thread, in a headless Chromium.

    python bench/web/prepare_photos.py [--mode fast|detail|original] [--rounds 3] [--json]

Nine JPEGs of 4032 x 3024 pixels with EXIF (orientations mixed) are dropped on the page at once. A
PerformanceObserver notes every main-thread task over 50 ms from the drop until the last picture is
ready to send; a frame clock notes the longest gap between two frames. Reading the files into the page
(what the test does instead of a real drag) lies before the measured time.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support import photos
from tests.support.browser import CHROMIUM_FLAGS, chromium_path
from tests.support.page_server import page_server

_ADD_FILE = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  (window.photos ??= []).push(new File([bytes], name, { type: "image/jpeg" }));
}"""

_DROP = """async () => {
  const long = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) long.push(Math.round(entry.duration));
  });
  const transfer = new DataTransfer();
  for (const photo of window.photos) transfer.items.add(photo);
  await new Promise((resolve) => setTimeout(resolve, 500));
  observer.observe({ type: "longtask" });
  let last = performance.now();
  let gapMs = 0;
  let running = true;
  const clock = (now) => {
    gapMs = Math.max(gapMs, now - last);
    last = now;
    if (running) requestAnimationFrame(clock);
  };
  requestAnimationFrame(clock);
  const start = performance.now();
  for (const name of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(
      new DragEvent(name, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  const ready = () => document.querySelectorAll('[data-testid="strip-item"][data-state="ready"]').length;
  while (ready() < window.photos.length) await new Promise((resolve) => setTimeout(resolve, 20));
  const doneMs = performance.now() - start;
  await new Promise((resolve) => setTimeout(resolve, 500));
  running = false;
  for (const entry of observer.takeRecords()) long.push(Math.round(entry.duration));
  observer.disconnect();
  return { doneMs: Math.round(doneMs), longTasksMs: long, longestFrameGapMs: Math.round(gapMs) };
}"""


def _round(page: Page, url: str, files: list[bytes], mode: str) -> dict[str, object]:
    page.goto(url)
    page.get_by_test_id("composer-input").wait_for()
    page.evaluate(
        "(mode) => localStorage.setItem('huiyan.settings', JSON.stringify({ sendMode: mode }))", mode
    )
    page.reload()
    page.get_by_test_id("composer-input").wait_for()
    page.wait_for_timeout(2_000)  # what the page fetches once it stands
    for number, data in enumerate(files):
        page.evaluate(_ADD_FILE, [f"IMG_{number}.jpg", base64.b64encode(data).decode()])
    measured: dict[str, object] = page.evaluate(_DROP)
    while page.get_by_test_id("strip-remove").count():
        page.get_by_test_id("strip-remove").first.click()
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mode", choices=("fast", "detail", "original"), default="detail")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    files = [photos.photo(orientation=(1, 3, 6, 8)[n % 4], seed=n) for n in range(9)]
    with page_server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        rounds = []
        for _ in range(arguments.rounds):
            context = browser.new_context(viewport={"width": 1280, "height": 860})
            rounds.append(_round(context.new_page(), server.url, files, arguments.mode))
            context.close()
        browser.close()
    result = {
        "mode": arguments.mode,
        "cores": os.cpu_count(),
        "megabytes": round(sum(map(len, files)) / 1e6, 1),
        "rounds": rounds,
    }
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"nine photographs, {result['megabytes']} MB, sent as {arguments.mode}, {result['cores']} cores")
    for each in rounds:
        print(
            f"  ready after {each['doneMs']} ms; "
            f"main-thread tasks over 50 ms: {each['longTasksMs'] or 'none'}; "
            f"longest gap between frames {each['longestFrameGapMs']} ms"
        )


if __name__ == "__main__":
    main()
