"""The page on a real gateway in front of a scriptable fake engine, in a thread of this process.

For what nano cannot show: nine pictures, a model that sees many pixels, answers with a given text.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from huiyan.engines.status import ModelCard
from huiyan.gateway.service import Gateway
from huiyan.store.fetching import FetchStatus
from huiyan.testing.fake_engine import FakeEngine
from huiyan.testing.script import Reply, Script
from tests.support.gateway import running_gateway

#: A stand-in for Qwen3-VL-8B as far as the page is concerned. The fake engine counts whole data URLs.
LARGE_CARD = ModelCard(
    id="fake",
    name="Fake-VL",
    demo=False,
    context_tokens=32_768,
    max_images=9,
    image_min_tokens=64,
    image_max_tokens=4096,
)
_ENGINE_CONTEXT_TOKENS = 1_000_000_000

START_TIMEOUT_S = 30.0


@dataclass
class SentPicture:
    """One picture as the engine got it."""

    media_type: str
    data: bytes

    def open(self) -> Image.Image:
        return Image.open(io.BytesIO(self.data))


@dataclass
class PageServer:
    """A gateway at `url`; the engine behind it does what `script` says and remembers what it was asked."""

    url: str
    engine: FakeEngine
    gateway: Gateway
    loop: asyncio.AbstractEventLoop

    def tell_fetch(self, status: FetchStatus) -> None:
        """As the launcher does while it fetches a model."""
        self.loop.call_soon_threadsafe(self.gateway.update_fetch, status)

    def script(self, *entries: Script) -> None:
        self.engine.script(*entries)

    def answer(self, text: str) -> None:
        """The next answer, quickly."""
        self.script(Reply(text=text, chunk_chars=64))

    def asked(self, index: int = -1) -> dict[str, Any]:
        """The body of a completion request."""
        body: dict[str, Any] = self.engine.completions[index].json()
        return body

    def parts(self, index: int = -1) -> list[dict[str, Any]]:
        """The content parts of the newest question in a request."""
        content: list[dict[str, Any]] = self.asked(index)["messages"][-1]["content"]
        return content

    def texts(self, index: int = -1) -> list[str]:
        return [part["text"] for part in self.parts(index) if part["type"] == "text"]

    def pictures(self, index: int = -1) -> list[SentPicture]:
        found = []
        for part in self.parts(index):
            if part["type"] == "image_url":
                head, _, data = part["image_url"]["url"].partition(",")
                found.append(SentPicture(head[len("data:") : -len(";base64")], base64.b64decode(data)))
        return found


async def _end_tasks() -> None:
    """A page that is still connected when its gateway goes away leaves streams behind."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
    await asyncio.sleep(0)  # transports close in a turn of their own


def built_page() -> Path | None:
    """`TEST_HUIYAN_STATIC_DIR`: a build to serve instead of the wheel's."""
    static_dir = os.environ.get("TEST_HUIYAN_STATIC_DIR")
    return Path(static_dir) if static_dir else None


@contextlib.contextmanager
def page_server(card: ModelCard = LARGE_CARD, *, port: int = 0, **options: Any) -> Iterator[PageServer]:
    """port: 0 for any free one. options: fields of GatewayOptions."""
    if page := built_page():
        options.setdefault("static_dir", page)
    served: list[PageServer] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        async with (
            FakeEngine(model=card.id, context_tokens=_ENGINE_CONTEXT_TOKENS) as engine,
            running_gateway(engine.endpoint, model=card, listen_port=port, **options) as gateway,
        ):
            engine.default_reply = Reply(text="好的。", chunk_chars=8)
            served.append(PageServer(gateway.base_url, engine, gateway.app.gateway, loop))
            ready.set()
            await done.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            ready.set()
            loop.run_until_complete(_end_tasks())
            loop.close()

    thread = threading.Thread(target=run, name="page-server", daemon=True)
    thread.start()
    ready.wait(START_TIMEOUT_S)
    assert served, "the gateway did not start"
    try:
        yield served[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(START_TIMEOUT_S)
