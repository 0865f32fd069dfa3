"""The PDF parser as people get it: installed while a page is open, used on a real document, removed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from huiyan.settings.environment import installer_environment
from huiyan.tools import install, sources
from tests.e2e.test_tools import WAIT_MS, button, opened
from tests.support.page_server import PageServer, page_server
from tests.support.tools import Host

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "pdf-parser"
#: Printed documentation of several pages, with a table (SOURCES.toml beside it says whose).
DOCUMENT = PLUGIN / "benchmark" / "cases" / "pg-lock-modes.pdf"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    running = Host(tmp_path)
    yield running
    running.close()


@pytest.fixture
def server(host: Host) -> Iterator[PageServer]:
    with page_server(data_dir=host.data_dir) as running:
        yield running


def add(data_dir: Path) -> None:
    """What `huiyan tools add ./plugins/pdf-parser` does: its lock, its environment, its jail."""
    work = install.install(data_dir, sources.parse(str(PLUGIN)), environment=installer_environment())
    # Playwright has this thread's event loop.
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, work).result()


def test_it_is_installed_used_on_a_document_and_removed(
    browser: Browser, server: PageServer, host: Host, tmp_path: Path
) -> None:
    with opened(browser, server, "en-US") as chat:
        page = chat.page
        expect(page.get_by_test_id("tools")).to_have_count(0)
        add(host.data_dir)
        expect(button(page, "parse_pdf", "pdf-parser")).to_have_text("Parse PDF", timeout=WAIT_MS)

        button(page, "parse_pdf", "pdf-parser").click()
        dialog = page.get_by_test_id("tool-dialog")
        dialog.locator("input[type=file]").set_input_files(DOCUMENT)
        dialog.get_by_test_id("tool-field-pages").fill("1-3")
        dialog.get_by_test_id("tool-run").click()
        expect(dialog.get_by_test_id("tool-progress")).to_be_visible(timeout=WAIT_MS)
        result = dialog.get_by_test_id("tool-result")
        expect(result).to_be_visible(timeout=WAIT_MS)
        # The head of a table of PostgreSQL's documentation, and the mark of the last page that was asked for.
        expect(result.locator("th, td").filter(has_text="ACCESS EXCL").first).to_be_visible()
        expect(result).to_contain_text("3 / 6")
        expect(result).not_to_contain_text("4 / 6")

        install.remove(host.data_dir, "pdf-parser")
        expect(dialog).to_have_count(0, timeout=WAIT_MS)
        expect(page.get_by_test_id("tools")).to_have_count(0, timeout=WAIT_MS)
