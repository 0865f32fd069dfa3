"""Take the READMEs' screenshots from a running huiyan: python scripts/screenshots.py http://127.0.0.1:8000.

A real question about a sample picture, a real answer of nano, in a headless Chromium.
"""

import shutil
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "tests" / "data" / "sample_images"
OUT = ROOT / "docs" / "images"

Theme = Literal["light", "dark"]

#: theme → (picture, question, locale)
SHOTS: dict[Theme, tuple[str, str, str]] = {
    "light": ("01_product_card_zh.png", "提取商品名称、价格和规格，用JSON返回。", "zh-CN"),
    "dark": ("06_table_en.png", "Convert the table to Markdown.", "en-US"),
}


def shoot(browser: Browser, url: str, theme: Theme) -> None:
    picture, question, locale = SHOTS[theme]
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=theme, locale=locale)
    page.goto(url)
    page.get_by_test_id("attach-input").set_input_files(PICTURES / picture)
    page.get_by_test_id("strip-item").wait_for()
    page.get_by_test_id("composer-input").fill(question)
    page.get_by_test_id("send").click()
    page.locator('[data-testid="assistant-message"][data-status="done"]').wait_for()
    page.mouse.move(640, 700)
    page.wait_for_timeout(1500)  # for what is drawn once an answer is whole
    page.screenshot(path=OUT / f"chat-{theme}.png")
    page.close()


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None or len(sys.argv) != 2:
        raise SystemExit(__doc__ if chromium else "No Chromium was found on the PATH.")
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for theme in SHOTS:
            shoot(browser, sys.argv[1], theme)
        browser.close()


if __name__ == "__main__":
    main()
