"""A picture travels to the gateway once; later requests only name it. Nothing is lost where that fails."""

from __future__ import annotations

import io
import json
import random
import sys
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Route, expect

from tests.support.browser import ChatPage, Upload
from tests.support.counted_port import CountedPort, counted_port
from tests.support.page_server import PageServer, page_server
from tests.support.ports import free_port
from tests.support.products import product, products

pytestmark = pytest.mark.browser

#: What a request without pictures may cost: question, answers so far, headers, a token count, events.
_WORDS_BYTES = 40_000


def noise(n: int) -> Upload:
    """A picture that no encoder makes small, different for each `n`."""
    pixels = random.Random(n).randbytes(480 * 360 * 3)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (480, 360), pixels).save(buffer, "JPEG", quality=80)
    return Upload(f"噪声{n}.jpg", buffer.getvalue(), "image/jpeg")


NINE = [noise(n) for n in range(9)]
NINE_BYTES = sum(len(each.data) for each in NINE)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    yield opened
    opened.close()


def opened(context: BrowserContext, url: str) -> ChatPage:
    chat = ChatPage(context.new_page(), url).open()
    chat.wait_connection("online")
    chat.wait_engine("ready")
    return chat


def puts_of(chat: ChatPage) -> list[str]:
    """Hashes that the page sends from now on, in their order."""
    sent: list[str] = []
    chat.page.on(
        "request", lambda request: sent.append(request.url[-64:]) if request.method == "PUT" else None
    )
    return sent


def posts_of(chat: ChatPage) -> list[str]:
    """Idempotency keys of the questions from now on, in their order."""
    keys: list[str] = []
    chat.page.on(
        "request",
        lambda request: (
            keys.append(request.headers["idempotency-key"])
            if request.url.endswith("/v1/chat/completions")
            else None
        ),
    )
    return keys


def seen(server: PageServer, index: int = -1) -> list[bytes]:
    """Every picture in a request as the engine got it, of all its messages."""
    found: list[bytes] = []
    for message in server.asked(index)["messages"]:
        parts = message["content"] if isinstance(message["content"], list) else []
        found += [part["image_url"]["url"].encode() for part in parts if part["type"] == "image_url"]
    return found


def without_uploads(context: BrowserContext) -> None:
    """A gateway that says it keeps no pictures, as earlier ones did."""

    def change(route: Route) -> None:
        info = route.fetch().json()
        info["features"]["image_upload"] = False
        route.fulfill(status=200, content_type="application/json", body=json.dumps(info))

    context.route("**/api/info", change)


def turns(chat: ChatPage, server: PageServer, sent_bytes: list[int], counted: CountedPort) -> None:
    """Two questions about nine pictures; `sent_bytes` gets what each put on the wire."""
    for words in ("第一问：都是什么？", "第二问：哪一个最大？"):
        before = counted.sent_bytes
        if not sent_bytes:
            chat.pick(*NINE)
            expect(chat.by_id("strip-item").and_(chat.page.locator("[data-state=ready]"))).to_have_count(9)
        server.answer("好的。")
        chat.ask(words)
        sent_bytes.append(counted.sent_bytes - before)
        assert len(seen(server)) == 9, "the engine sees all pictures in each turn"


def test_second_question_about_nine_pictures_uploads_none_of_them(browser: Browser) -> None:
    bytes_per_turn: dict[str, list[int]] = {}
    pictures: dict[str, list[bytes]] = {}
    for way in ("within requests", "once"):
        port = free_port()
        with page_server(port=port) as server, counted_port(port) as counted:
            context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
            if way == "within requests":
                without_uploads(context)
            chat = opened(context, counted.url)
            bytes_per_turn[way] = []
            turns(chat, server, bytes_per_turn[way], counted)
            pictures[way] = seen(server)
            assert chat.errors == []
            context.close()
    sys.stdout.write(f"\nnine pictures of {NINE_BYTES:,} bytes; sent in the first and the second turn:\n")
    for way, (first, second) in bytes_per_turn.items():
        sys.stdout.write(f"  {way:16} {first:>11,} {second:>11,}\n")
    first, second = bytes_per_turn["once"]
    assert NINE_BYTES < first < NINE_BYTES * 1.1 + _WORDS_BYTES
    assert second < _WORDS_BYTES
    assert bytes_per_turn["within requests"][1] > NINE_BYTES * 1.3
    assert pictures["once"] == pictures["within requests"], "the engine gets the same either way"


def test_picture_is_on_its_way_before_the_question_is_written(context: BrowserContext) -> None:
    with page_server() as server:
        chat = opened(context, server.url)
        sent = puts_of(chat)
        with chat.page.expect_response(lambda response: response.request.method == "PUT") as put:
            chat.drop(product(1))
        assert put.value.status == 201
        assert server.engine.completions == []
        chat.ask("这是什么？")
        chat.ask("还有呢？")
        assert len(sent) == 1
        assert len(seen(server)) == 1


def test_forgotten_picture_is_sent_again_and_the_answer_comes(context: BrowserContext) -> None:
    port = free_port()
    with page_server(port=port) as server:
        chat = opened(context, server.url)
        chat.drop(*products(2))
        expect(chat.strip).to_have_count(2)
        chat.ask("这是什么？")
        # What the gateway keeps is gone with it; the page does not know that.
    with page_server(port=port) as server:
        chat.wait_connection("online")
        sent, keys = puts_of(chat), posts_of(chat)
        server.answer("还是那两件。")
        assert "还是那两件" in chat.ask("再看一次。")
        assert len(sent) == len(set(sent)) == 2, "just those that are missing, once each"
        assert len(keys) == 2
        assert len(set(keys)) == 1, "the same request again, with its key"
        assert len(server.engine.completions) == 1, "and it ran once"
        assert len(seen(server)) == 2


def test_gateway_that_forgets_faster_than_it_is_asked_still_answers(context: BrowserContext) -> None:
    with page_server(images_keep_s=0.001) as server:
        chat = opened(context, server.url)
        chat.drop(*products(2))
        expect(chat.strip).to_have_count(2)
        chat.ask("这是什么？")
        assert len(server.engine.completions) == 1
        assert len(seen(server)) == 2


def test_gateway_that_dies_between_picture_and_question_loses_nothing(context: BrowserContext) -> None:
    port = free_port()
    with page_server(port=port) as server:
        chat = opened(context, server.url)
        sent = puts_of(chat)
        with chat.page.expect_request(lambda _: len(sent) == 3):  # all of them are on their way
            chat.drop(*products(3))
        expect(chat.strip).to_have_count(3)
    chat.send("这三件分别是什么？")
    chat.wait_status("waiting")
    with page_server(port=port) as server:
        server.answer("三件。")
        chat.page.reload()
        chat.wait_done()
        assert "三件" in chat.answer_text
        assert len(seen(server)) == 3
        assert len(server.engine.completions) == 1
        expect(chat.answers).to_have_count(1)


def test_picture_that_cannot_be_kept_goes_along_within_the_request(context: BrowserContext) -> None:
    """As behind a proxy that lets only GET and POST through."""
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=405, body="")

    context.route("**/api/images/*", refuse)
    with page_server() as server:
        chat = opened(context, server.url)
        chat.drop(product(1))
        expect(chat.strip).to_have_count(1)
        chat.ask("这是什么？")
        chat.ask("还有呢？")
        assert len(seen(server)) == 1
        assert len(refused) == 1, "it is not tried again and again"
