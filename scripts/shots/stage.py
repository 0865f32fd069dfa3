"""A page of one language and one device, in front of an engine that says what a picture needs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Locator, expect

from huiyan.testing.script import Reply
from scripts.shots.words import WORDS, Words
from tests.support.browser import ChatPage, Upload
from tests.support.page_server import PageServer

Theme = Literal["light", "dark"]
Screens = Iterator[str]
THEMES: tuple[Theme, ...] = ("light", "dark")
LANGUAGES = ("zh-CN", "en")
#: Window sizes by width; the phone has a touch screen.
HEIGHTS = {390: 844, 1280: 800, 1920: 1080}
PHONE_WIDTH = 390

#: What is drawn once everything stands: highlighting, diagrams, fades.
_SETTLED = """() => Promise.all([document.fonts.ready,
  ...document.getAnimations().filter((one) => one.effect?.getTiming().iterations !== Infinity)
    .map((one) => one.finished.catch(() => null)),
  ...[...document.images].filter((image) => image.src).map((image) => image.decode().catch(() => null))])"""


@dataclass(frozen=True)
class Tour:
    """A way through the page, with pictures taken at its stops.

    names: of the stops. walk: brings the page to each and yields its name. nano: with the real demo model
    behind it; otherwise the engine that does what it is told, in the state `server`.
    """

    names: tuple[str, ...]
    walk: Callable[[Stage], Screens]
    nano: bool = False
    server: Literal["ready", "loading", "failed"] = "ready"
    settings: dict[str, object] = field(default_factory=dict)


@dataclass
class Stage:
    """What a tour is made with. `server` is None with nano."""

    chat: ChatPage
    words: Words
    server: PageServer | None
    pictures: Path

    @property
    def engine(self) -> PageServer:
        assert self.server is not None, "this tour needs the engine that is told what to say"
        return self.server

    @property
    def language(self) -> str:
        return self.words.locale

    def by_id(self, test_id: str) -> Locator:
        return self.chat.by_id(test_id)

    def says(self, *texts: str) -> None:
        self.engine.script(*(Reply(text=text, chunk_chars=64) for text in texts))

    def ask(self, question: str, answer: str | None = None) -> None:
        if answer is not None:
            self.says(answer)
        self.chat.ask(question)

    def strip_ready(self, count: int) -> None:
        """Wait until so many pictures are read and their sizes are known."""
        ready = self.chat.page.locator('[data-testid=strip-item][data-state="ready"]')
        expect(ready).to_have_count(count, timeout=60_000)

    def drop(self, *files: Upload) -> None:
        self.chat.drop(*files)

    def settle(self) -> None:
        self.chat.page.evaluate(_SETTLED)
        self.chat.page.wait_for_timeout(120)


@dataclass(frozen=True)
class Place:
    """Where a tour is taken. server: tells the engine what to say; none with nano. width: CSS pixels."""

    url: str
    server: PageServer | None
    language: str
    width: int
    pictures: Path


@contextlib.contextmanager
def _context(browser: Browser, place: Place, settings: dict[str, object]) -> Iterator[BrowserContext]:
    phone = place.width == PHONE_WIDTH
    context = browser.new_context(
        locale="zh-CN" if place.language == "zh-CN" else "en-US",
        viewport={"width": place.width, "height": HEIGHTS[place.width]},
        color_scheme="light",
        reduced_motion="reduce",
        has_touch=phone,
        is_mobile=phone,
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    if settings:
        saved = json.dumps(json.dumps(settings))
        context.add_init_script(f"localStorage.setItem('huiyan.settings', {saved})")
    try:
        yield context
    finally:
        context.close()


def stops(browser: Browser, tour: Tour, place: Place) -> Iterator[tuple[str, Stage]]:
    """Go through the page; gives the name of each stop while the page is there. Raises: AssertionError."""
    if place.server is not None:
        place.server.engine.reset()
        place.server.engine.default_reply = Reply(text="OK", chunk_chars=8)
    with _context(browser, place, tour.settings) as context:
        chat = ChatPage(context.new_page(), place.url).open()
        stage = Stage(chat, WORDS[place.language], place.server, place.pictures)
        for name in tour.walk(stage):
            yield name, stage
        assert chat.errors == [], f"the page's own errors: {chat.errors}"


def show(stage: Stage, width: int, theme: Theme) -> None:
    """The same page in another window, or in another theme."""
    stage.chat.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    stage.chat.page.emulate_media(color_scheme=theme)
    stage.settle()
