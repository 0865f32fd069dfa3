"""Take every screen of the page, in both themes and languages, on a phone, a laptop and a large screen.

    python scripts/screenshots.py FOLDER                 # everything, in a few minutes
    python scripts/screenshots.py FOLDER --only boxes    # the screens whose names hold "boxes"
    python scripts/screenshots.py --docs                 # the guides' and READMEs' pictures, into docs/images

A real gateway, with nano where it can answer and otherwise an engine that says what the picture needs.
It serves the page that is built into the package, or the one in TEST_HUIYAN_STATIC_DIR.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, sync_playwright  # noqa: E402  # after the path is set
from playwright.sync_api import Error as PlaywrightError  # noqa: E402

from huiyan.engines.status import EngineState  # noqa: E402
from scripts.shots.guide import take_docs  # noqa: E402
from scripts.shots.stage import HEIGHTS, LANGUAGES, PHONE_WIDTH, THEMES, Place, Tour, show, stops  # noqa: E402
from scripts.shots.tours import TOURS  # noqa: E402
from tests.support.browser import CHROMIUM_FLAGS, chromium_path  # noqa: E402
from tests.support.installation import Huiyan  # noqa: E402
from tests.support.page_server import PageServer, built_page, page_server  # noqa: E402

PICTURES = ROOT / "tests" / "data" / "sample_images"


class Servers:
    """Started when they are first needed; ended with the block."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._pages: dict[str, PageServer] = {}
        self._nano: Huiyan | None = None

    def of(self, tour: Tour) -> tuple[str, PageServer | None]:
        """Address, and what tells the engine what to say."""
        if tour.nano:
            return self._real().url, None
        if tour.server not in self._pages:
            started = self._stack.enter_context(page_server(state=EngineState(tour.server)))
            self._pages[tour.server] = started
            logging.getLogger().setLevel(logging.WARNING)  # not each file that is fetched
        page = self._pages[tour.server]
        return page.url, page

    def _real(self) -> Huiyan:
        if self._nano is None:
            home = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            page = built_page()
            extra = {"HUIYAN_GATEWAY__STATIC_DIR": str(page)} if page else {}
            self._nano = Huiyan(home, extra_environment=extra)
            self._stack.callback(self._nano.close)
            self._nano.start()
        return self._nano


@contextlib.contextmanager
def _ready() -> Iterator[tuple[Browser, Servers]]:
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        stack.callback(browser.close)
        yield browser, Servers(stack)


def _devices(widths: Sequence[int]) -> list[list[int]]:
    """Widths that one page can be taken in: the phone's page knows that it is touched."""
    groups = [[width for width in widths if (width == PHONE_WIDTH) is phone] for phone in (True, False)]
    return [group for group in groups if group]


def take_all(out: Path, tours: Sequence[Tour], widths: Sequence[int], languages: Sequence[str]) -> int:
    """Take each stop in each window and theme. Returns how many tours failed, after naming them."""
    failed = 0
    with _ready() as (browser, servers):
        for language, group, tour in itertools.product(languages, _devices(widths), tours):
            url, server = servers.of(tour)
            place = Place(url, server, language, group[0], PICTURES)
            try:
                for name, stage in stops(browser, tour, place):
                    for width, theme in itertools.product(group, THEMES):
                        show(stage, width, theme)
                        stage.chat.page.screenshot(path=out / f"{name}.{language}.{width}.{theme}.png")
                    show(stage, group[0], THEMES[0])
            except (AssertionError, PlaywrightError) as error:
                failed += 1
                print(f"{tour.names} {language} {group}: {error}", file=sys.stderr)
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", help="where the pictures go")
    parser.add_argument("--only", default="", help="screens whose names hold this")
    parser.add_argument("--width", type=int, choices=sorted(HEIGHTS), action="append")
    parser.add_argument("--language", choices=LANGUAGES, action="append")
    parser.add_argument("--docs", action="store_true", help="the pictures of the guides instead")
    options = parser.parse_args()
    if options.docs:
        with _ready() as (browser, servers):
            take_docs(browser, servers.of, ROOT / "docs" / "images", PICTURES)
        return
    if options.folder is None:
        parser.error("name a folder, or --docs")
    options.folder.mkdir(parents=True, exist_ok=True)
    tours = [tour for tour in TOURS if any(options.only in name for name in tour.names)]
    started_s = time.monotonic()
    failed = take_all(options.folder, tours, options.width or sorted(HEIGHTS), options.language or LANGUAGES)
    count = sum(len(tour.names) for tour in tours)
    print(f"{count} screens in {time.monotonic() - started_s:.0f} s, {failed} tours failed: {options.folder}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
