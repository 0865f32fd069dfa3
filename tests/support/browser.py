"""The system's Chromium, driven by Playwright, and the chat page as a person uses it."""

from __future__ import annotations

import base64
import mimetypes
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import ConsoleMessage, JSHandle, Locator, Page, expect

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

#: A page is quick; an engine on two shared cores may need a while.
PAGE_TIMEOUT_MS = 15_000
ANSWER_TIMEOUT_MS = 60_000


def chromium_path() -> str:
    """`TEST_HUIYAN_CHROMIUM`, or the one on the PATH."""
    named = os.environ.get("TEST_HUIYAN_CHROMIUM")
    found = named or next(
        filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None
    )
    assert found, "no Chromium: install the package `chromium` or set TEST_HUIYAN_CHROMIUM"
    return found


@dataclass(frozen=True)
class Upload:
    """A file as the browser sees it."""

    name: str
    data: bytes
    media_type: str

    @staticmethod
    def of(path: Path) -> Upload:
        return Upload(
            path.name, path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        )

    @staticmethod
    def png(data: bytes, name: str = "card.png") -> Upload:
        return Upload(name, data, "image/png")


_DATA_TRANSFER = """(files) => {
  const transfer = new DataTransfer();
  for (const file of files) {
    const bytes = Uint8Array.from(atob(file.data), (char) => char.charCodeAt(0));
    transfer.items.add(new File([bytes], file.name, { type: file.type }));
  }
  return transfer;
}"""


_STILL = """() => document.getAnimations().every(
  (each) => each.playState !== "running" || each.effect.getComputedTiming().iterations === Infinity
)"""


def wait_still(page: Page) -> None:
    """Until nothing fades or slides any more, however long that takes here; what turns for ever may turn."""
    page.wait_for_function(_STILL)
    page.wait_for_timeout(300)  # one may have begun only now
    page.wait_for_function(_STILL)


class ChatPage:
    """What a person sees and does, in the page's own test ids."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        #: Uncaught errors of the page, and what it blocked by its content security policy.
        self.errors: list[str] = []
        page.set_default_timeout(PAGE_TIMEOUT_MS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note_console)

    def _note_console(self, line: ConsoleMessage) -> None:
        # A request that failed because the test killed the server is logged as an error, too.
        if line.type == "error" and "Failed to load resource" not in line.text:
            self.errors.append(line.text)

    def open(self) -> ChatPage:
        self.page.goto(self.url)
        expect(self.composer).to_be_visible()
        return self

    def by_id(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    # parts
    @property
    def composer(self) -> Locator:
        return self.by_id("composer-input")

    @property
    def strip(self) -> Locator:
        return self.by_id("strip-item")

    @property
    def questions(self) -> Locator:
        return self.by_id("user-message")

    @property
    def answers(self) -> Locator:
        return self.by_id("assistant-message")

    @property
    def answer_text(self) -> str:
        """The newest answer as it is rendered."""
        return self.answers.last.get_by_test_id("assistant-text").inner_text()

    # pictures
    def _transfer(self, files: Sequence[Upload]) -> JSHandle:
        described = [
            {"name": f.name, "type": f.media_type, "data": base64.b64encode(f.data).decode()} for f in files
        ]
        return self.page.evaluate_handle(_DATA_TRANSFER, described)

    def drop(self, *files: Upload) -> None:
        """Drag files from the desktop and let them go over the page."""
        transfer = self._transfer(files)
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event("body", event, {"dataTransfer": transfer})

    def paste(self, *files: Upload) -> None:
        """Ctrl-V with pictures on the clipboard."""
        self.composer.focus()
        self.composer.evaluate(
            """(element, clipboardData) => element.dispatchEvent(
                 new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }))""",
            self._transfer(files),
        )

    def pick(self, *files: Upload) -> None:
        """Choose files in the dialog."""
        payloads = [{"name": f.name, "mimeType": f.media_type, "buffer": f.data} for f in files]
        self.by_id("attach-input").set_input_files(payloads)  # type: ignore[arg-type]  # a FilePayload each

    # talking
    def send(self, text: str) -> None:
        """Send a question; returns when it stands in the conversation and the input is free again."""
        count = self.questions.count()
        self.composer.fill(text)
        self.by_id("send").click()
        expect(self.questions).to_have_count(count + 1)
        expect(self.composer).to_have_value("")

    def ask(self, text: str) -> str:
        """Send and wait for the whole answer; returns it."""
        count = self.answers.count()
        self.send(text)
        expect(self.answers).to_have_count(count + 1)
        return self.wait_done()

    def wait_status(self, *statuses: str, timeout_ms: int = ANSWER_TIMEOUT_MS) -> None:
        """Until the newest answer is in one of these states."""
        pattern = re.compile("|".join(statuses))
        expect(self.answers.last).to_have_attribute("data-status", pattern, timeout=timeout_ms)

    def wait_done(self) -> str:
        self.wait_status("done", "error", "stopped", "interrupted")
        status = self.answers.last.get_attribute("data-status")
        assert status == "done", f"{status}: {self.answers.last.inner_text()}"
        return self.answer_text

    def wait_first_words(self) -> None:
        """Until the newest answer has begun to be read."""
        expect(self.answers.last.get_by_test_id("assistant-text")).to_have_text(
            re.compile(r"\S"), timeout=ANSWER_TIMEOUT_MS
        )

    # the world around
    def wait_engine(self, *states: str, timeout_ms: int = ANSWER_TIMEOUT_MS) -> None:
        pattern = re.compile("|".join(states))
        expect(self.by_id("engine-state")).to_have_attribute("data-state", pattern, timeout=timeout_ms)

    def wait_connection(self, state: str, timeout_ms: int = ANSWER_TIMEOUT_MS) -> None:
        expect(self.by_id("connection")).to_have_attribute("data-state", state, timeout=timeout_ms)
