"""What a person does with hands: each act is counted, so that a test can say how many a task takes."""

from __future__ import annotations

from playwright.sync_api import Locator

from tests.support.browser import ChatPage, Upload


class Hands:
    """Waiting is not an act; a click, a key, a drop of any number of files is one each."""

    def __init__(self, chat: ChatPage) -> None:
        self._chat = chat
        self.acts: list[str] = []

    def drop(self, *files: Upload) -> None:
        self.acts.append(f"drop {len(files)}")
        self._chat.drop(*files)

    def click(self, target: Locator) -> None:
        self.acts.append(f"click {target}")
        target.click()

    def press(self, key: str) -> None:
        self.acts.append(f"press {key}")
        self._chat.page.keyboard.press(key)
