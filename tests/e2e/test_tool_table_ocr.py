"""plugins/table-ocr as a person meets it: installed while the page is open, used on a table, removed again.

Its packages come from the Python index once, and from uv's cache after that.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from PIL import Image
from playwright.sync_api import Browser, Locator, expect

from tests.support.browser import ChatPage, Upload
from tests.support.page_server import PageServer, page_server
from tests.support.tools import Host

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "table-ocr"
CASE = PLUGIN / "benchmark" / "cases" / "hand-timetable.png"

#: Hundreds of megabytes are fetched the first time, on whatever line there is.
INSTALL_TIMEOUT_S = 900.0
#: The page is told within a second; a busy machine is given more.
SEEN_MS = 30_000
#: The first call loads the models.
READ_MS = 240_000


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    running = Host(tmp_path)
    yield running
    running.close()


@pytest.fixture
def server(host: Host) -> Iterator[PageServer]:
    with page_server(data_dir=host.data_dir) as running:
        yield running


def tools(data_dir: Path, *words: str) -> Any:
    """`huiyan tools …`, with the package index and the cache of whoever runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUIYAN_")}
    done = subprocess.run(
        [sys.executable, "-m", "huiyan", "tools", *words, "--data-dir", str(data_dir), "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def cell(result: Locator, text: str) -> Locator:
    return result.locator("table").get_by_text(text, exact=True)


def true_middle(text: str) -> tuple[float, float]:
    """Where the benchmark says that a cell of the picture is, in parts of its width and height."""
    found = re.search(rf'data-box="([\d ]+)">{text}<', CASE.with_suffix(".html").read_text("utf-8"))
    assert found is not None
    x0, y0, x1, y1 = (int(number) for number in found[1].split())
    with Image.open(CASE) as opened:
        width, height = opened.size
    return (x0 + x1) / 2 / width, (y0 + y1) / 2 / height


def test_it_is_added_reads_a_table_and_goes(browser: Browser, server: PageServer, host: Host) -> None:
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900})
    chat = ChatPage(context.new_page(), server.url)
    chat.open()
    page = chat.page
    expect(page.get_by_test_id("tools")).to_have_count(0)

    added = tools(host.data_dir, "add", "plugins/table-ocr")
    assert added["name"] == "table-ocr"
    assert added["network"] == {"asked": False, "granted": False}
    button = page.get_by_test_id("tool-table-ocr-read_tables")
    expect(button).to_have_text("读取表格", timeout=SEEN_MS)

    chat.drop(Upload("timetable.png", CASE.read_bytes(), "image/png"))
    expect(chat.strip).to_have_attribute("data-state", "ready", timeout=SEEN_MS)
    button.click()
    dialog = page.get_by_test_id("tool-dialog")
    expect(dialog.get_by_test_id("tool-strip-picture")).to_have_attribute(
        "aria-pressed", "true", timeout=SEEN_MS
    )
    dialog.get_by_test_id("tool-run").click()
    expect(dialog.get_by_test_id("tool-progress")).to_be_visible(timeout=SEEN_MS)
    result = dialog.get_by_test_id("tool-result")
    expect(result).to_be_visible(timeout=READ_MS)

    # The grid, as text: one row of it, with the cell that spans two rows.
    expect(result.locator("table")).to_have_count(1)
    expect(result.locator("table tr").nth(2).locator("td, th").nth(1)).to_have_text("9:00")
    expect(cell(result, "物理实验")).to_be_visible()
    # A cell that is pointed at lights up on the picture, where it is; a click keeps it.
    lit = result.locator("[data-testid=mark][data-lit=true]")
    expect(lit).to_have_count(0)
    cell(result, "美术").hover()
    expect(lit).to_contain_text("美术")
    cell(result, "物理实验").click()
    page.mouse.move(0, 0)
    expect(lit).to_have_count(1)
    expect(lit).to_contain_text("物理实验")
    picture, region = result.get_by_test_id("tool-marks").locator("img").bounding_box(), lit.bounding_box()
    assert picture is not None
    assert region is not None
    middle_x = (region["x"] + region["width"] / 2 - picture["x"]) / picture["width"]
    middle_y = (region["y"] + region["height"] / 2 - picture["y"]) / picture["height"]
    assert (middle_x, middle_y) == pytest.approx(true_middle("物理实验"), abs=0.03)
    # A table's head may have empty places: here, where a merged cell goes on.
    rules = {"rules": {"empty-table-header": {"enabled": False}}}
    assert not Axe().run(page, options=rules).response["violations"]
    names = [text.split(" · ")[0] for text in result.get_by_test_id("tool-download").all_inner_texts()]
    assert names == ["tables.xlsx", "table.csv", "table.html"]

    page.keyboard.press("Escape")
    assert tools(host.data_dir, "remove", "table-ocr") == {"removed": "table-ocr"}
    expect(page.get_by_test_id("tools")).to_have_count(0, timeout=SEEN_MS)
    context.close()
