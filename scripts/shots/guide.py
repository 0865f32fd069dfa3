"""The pictures of the guides and READMEs: some of the screens, cropped to what the text is about."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from scripts.shots.stage import LANGUAGES, THEMES, Place, Stage, Theme, Tour, show, stops
from scripts.shots.tours import TOURS
from tests.support.page_server import PageServer

WIDTH = 1280
_WEBP_QUALITY = 82


@dataclass(frozen=True)
class Cut:
    """A guide's picture. stop: of a tour. around: what is kept, with a margin; None keeps the window."""

    name: str
    stop: str
    around: str | None = None
    theme: Theme = "light"
    margin_px: int = 16


CUTS = (
    Cut("pictures", "strip-nine", ".bottom"),
    Cut("pdf", "pdf", "dialog[open]"),
    Cut("boxes", "boxes", "main", margin_px=0),
    Cut("region", "region", None),
    Cut("table", "table-grid", None),
    Cut("presets", "preset-answer", "main", margin_px=0),
    Cut("batch", "batch-results", None),
    Cut("compare", "compare-answers", "dialog[open]"),
    Cut("ledger", "ledger", '[data-testid="ledger"] >> nth=-1'),
    Cut("second-attempt", "second-attempt", '[data-testid="assistant-message"]'),
    Cut("answer", "answer", "main", margin_px=0),
    Cut("transfer", "transfer", "dialog[open]"),
)
#: The READMEs show nano, in both themes.
_README_STOP = "demo-answer"


def _window(stage: Stage) -> Image.Image:
    with Image.open(io.BytesIO(stage.chat.page.screenshot())) as whole:
        return whole.convert("RGB")


def _save(image: Image.Image, path: Path) -> None:
    image.save(path, "WEBP", quality=_WEBP_QUALITY, method=6)


def _crop(stage: Stage, cut: Cut) -> Image.Image:
    image = _window(stage)
    if cut.around is None:
        return image
    box = stage.chat.page.locator(cut.around).bounding_box()
    assert box, f"{cut.around} is not on the page"
    left, top = max(0, box["x"] - cut.margin_px), max(0, box["y"] - cut.margin_px)
    right, bottom = box["x"] + box["width"] + cut.margin_px, box["y"] + box["height"] + cut.margin_px
    return image.crop((round(left), round(top), min(WIDTH, round(right)), min(image.height, round(bottom))))


def take_docs(
    browser: Browser,
    server_of: Callable[[Tour], tuple[str, PageServer | None]],
    out: Path,
    pictures: Path,
) -> None:
    """Write guide-NAME.LANGUAGE.webp for each cut, and chat-THEME.LANGUAGE.webp for the READMEs."""
    cuts = {cut.stop: cut for cut in CUTS}
    out.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        for tour in TOURS:
            if not {*cuts, _README_STOP} & {*tour.names}:
                continue
            url, server = server_of(tour)
            for name, stage in stops(browser, tour, Place(url, server, language, WIDTH, pictures)):
                if cut := cuts.get(name):
                    show(stage, WIDTH, cut.theme)
                    _save(_crop(stage, cut), out / f"guide-{cut.name}.{language}.webp")
                for theme in THEMES if name == _README_STOP else ():
                    show(stage, WIDTH, theme)
                    _save(_window(stage), out / f"chat-{theme}.{language}.webp")
