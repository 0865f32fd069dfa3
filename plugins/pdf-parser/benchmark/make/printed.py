"""Other people's documents: printed with Chromium, or pages of their PDFs; the HTML gives the truth.

    python -m benchmark.make.printed UNPACKED [NAME…]

UNPACKED: a directory into which the Debian packages of SOURCES.toml were unpacked (apt-get, dpkg -x). Needs
Playwright beside the plugin's own packages.
"""

from __future__ import annotations

import io
import json
import random
import sys
import tomllib
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image, ImageChops, ImageFilter
from playwright.sync_api import Page, sync_playwright

from huiyan_pdf_parser.ranges import pages_in

_BENCHMARK = Path(__file__).resolve().parents[1]
_CHROMIUM = "/usr/bin/chromium"
#: Of the sites around the documents: navigation, search fields.
_LEFT_OUT = (
    ".navheader, .navfooter, nav, footer, header, script, style, .related, .sphinxsidebar, .headerlink, "
    ".toplang, .bottomlang, #page-header, #quickview, .up, #path, .top, .footer, "
    "#SearchFrame, .nosearch, "
    ".accordion, .searchmenu, .fancy_toc, button, form, dialog, .leftside, .donation, "
    "#DonationFrame, .index, .toc, #Index, #Contents, .contents-treeview, img, svg"
)
_MARGIN = "18mm"
_SCAN_DOTS_PER_INCH = 150


def main() -> None:
    """Make the cases that are named, or all."""
    unpacked, only = Path(sys.argv[1]), set(sys.argv[2:])
    listed = tomllib.loads((_BENCHMARK / "SOURCES.toml").read_text("utf-8"))["case"]
    script = (Path(__file__).parent / "truth.js").read_text("utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        for case in listed:
            if "print" not in case or (only and case["name"] not in only):
                continue
            page = browser.new_page(locale="zh-CN")
            page.goto((unpacked / case["print"]).resolve().as_uri())
            data, truth = _printed(page, case, script)
            page.close()
            if "pdf" in case:
                data = _pages_of(unpacked / case["pdf"], case["pages"])
            if "scan" in case:
                data = _scanned(data, case["scan"])
            (_BENCHMARK / "cases" / f"{case['name']}.pdf").write_bytes(data)
            text = json.dumps(truth, ensure_ascii=False, indent=1) + "\n"
            (_BENCHMARK / "cases" / f"{case['name']}.json").write_text(text, "utf-8")
            print(case["name"], len(data), len(truth["text"]), len(truth["tables"]))
        browser.close()


def _printed(page: Page, case: dict[str, Any], script: str) -> tuple[bytes, Any]:
    page.evaluate("selector => document.querySelectorAll(selector).forEach(e => e.remove())", _LEFT_OUT)
    # Links would bring the place of the files here along.
    page.evaluate("document.querySelectorAll('a[href]').forEach(e => e.removeAttribute('href'))")
    page.add_style_tag(
        content="table { break-inside: avoid } body { margin: 0 !important } html, body { background: white }"
        + case.get("style", "")
    )
    page.emulate_media(media="print")
    truth = page.evaluate(script)
    data = page.pdf(
        format="A4", margin={"top": _MARGIN, "bottom": _MARGIN, "left": _MARGIN, "right": _MARGIN}
    )
    return data, truth


def _pages_of(path: Path, ranges: str) -> bytes:
    source = pypdfium2.PdfDocument(path)
    made = pypdfium2.PdfDocument.new()
    made.import_pages(source, [number - 1 for number in pages_in(ranges, len(source))])
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _scanned(data: bytes, seed: int) -> bytes:
    """Grey, a little turned, blurred and noisy."""
    chance = random.Random(seed)
    pictures = []
    document = pypdfium2.PdfDocument(data)
    for page in document:
        sheet = page.render(scale=_SCAN_DOTS_PER_INCH / 72).to_pil().convert("L")
        sheet = sheet.rotate(chance.uniform(-0.4, 0.4), Image.Resampling.BICUBIC, fillcolor=255)
        sheet = sheet.filter(ImageFilter.GaussianBlur(0.5))
        noise = Image.effect_noise(sheet.size, 14)
        pictures.append(ImageChops.add(sheet, noise, 1.0, -128))
    out = io.BytesIO()
    pictures[0].save(
        out, "PDF", save_all=True, append_images=pictures[1:], resolution=_SCAN_DOTS_PER_INCH, quality=35
    )
    return out.getvalue()


if __name__ == "__main__":
    main()
