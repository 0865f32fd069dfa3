"""Pictures of tables in other people's documents, as Chromium draws them; the page itself gives the truth.

    python -m benchmark.make.documents UNPACKED [NAME…]

UNPACKED: a directory into which the Debian packages of SOURCES.toml were unpacked (apt-get, dpkg -x).
`page` of a case says: file, table (its number in the page), width of the window in CSS pixels, scale, and the
seed of a printed and scanned copy (scans.py). Needs Playwright beside the plugin's own packages.
"""

from __future__ import annotations

import io
import sys
import tomllib
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmark.make.scans import scanned

_BENCHMARK = Path(__file__).resolve().parents[1]
_CHROMIUM = "/usr/bin/chromium"
_COLOURS = 48
_BOX = """table => {
    const box = table.getBoundingClientRect();
    return [box.left + scrollX, box.top + scrollY, box.width, box.height];
}"""


def main() -> None:
    """Make the cases that are named, or all."""
    unpacked, only = Path(sys.argv[1]), set(sys.argv[2:])
    listed = tomllib.loads((_BENCHMARK / "SOURCES.toml").read_text("utf-8"))["case"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        for case in listed:
            if "page" not in case or (only and case["name"] not in only):
                continue
            described = case["page"]
            page = browser.new_page(
                viewport={"width": described.get("width", 1000), "height": 900},
                device_scale_factor=described.get("scale", 1),
                locale="zh-CN",
                color_scheme=described.get("scheme", "light"),
            )
            root = _BENCHMARK / "hand" if described.get("hand") else unpacked
            page.goto((root / described["file"]).resolve().as_uri())
            picture, truth = _taken(page, described)
            page.close()
            if "scan" in described:
                picture, truth = scanned(picture, truth, described["scan"])
            _save(picture, _BENCHMARK / "cases" / case["picture"])
            (_BENCHMARK / "cases" / f"{case['name']}.html").write_text(truth, "utf-8")
            print(case["name"], picture.size)
        browser.close()


def _taken(page: Page, described: dict[str, Any]) -> tuple[Image.Image, str]:
    margin, scale = described.get("margin", 14), described.get("scale", 1)
    table = page.locator("table").nth(described["table"])
    box = table.evaluate(_BOX)
    left, top = max(0, box[0] - margin), max(0, box[1] - margin)
    clip = {
        "x": left,
        "y": top,
        "width": min(box[0] + box[2] + margin, described.get("width", 1000)) - left,
        "height": box[1] + box[3] + margin - top,
    }
    shot = page.screenshot(clip=clip, full_page=True)  # type: ignore[arg-type]
    script = (Path(__file__).parent / "page_tables.js").read_text("utf-8")
    script = "\n".join(line for line in script.splitlines() if not line.startswith("//"))
    truth = page.evaluate(script, ["table:not(:has(table))", clip, scale])
    return Image.open(io.BytesIO(shot)).convert("RGB"), truth


def _save(picture: Image.Image, path: Path) -> None:
    if path.suffix == ".jpg":
        picture.save(path, quality=62)
    else:
        picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
