"""Questions that wait for their user: may this call be made? No answer is a no."""

from __future__ import annotations

import asyncio
import secrets


class ConsentBook:
    """Of one worker. Every method is called from the loop's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, tuple[str, asyncio.Future[bool]]] = {}

    def new_id(self) -> str:
        """Of a call; nobody can guess it."""
        return f"call_{secrets.token_urlsafe(15)}"

    def ask(self, call: str, owner: str) -> asyncio.Future[bool]:
        """owner: id of the principal that may answer. Whoever asks must `drop` it in the end."""
        answer: asyncio.Future[bool] = self._loop.create_future()
        self._waiting[call] = (owner, answer)
        return answer

    def drop(self, call: str) -> None:
        self._waiting.pop(call, None)

    def decide(self, call: str, owner: str, *, allow: bool) -> bool:
        """False: no such question waits here for this caller. Only the first answer counts."""
        asked = self._waiting.get(call)
        if asked is None or asked[0] != owner or asked[1].done():
            return False
        asked[1].set_result(allow)
        return True
