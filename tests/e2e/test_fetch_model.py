"""From nano to the model that was asked for: the button, a fetch from a hub, and the model takes over."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from huiyan import nano
from huiyan.launcher.means import means
from huiyan.settings.load import load
from huiyan.testing.hub import FakeHub
from tests.support.browser import ChatPage
from tests.support.installation import Huiyan
from tests.support.page_server import built_page
from tests.support.wait import wait_until

pytestmark = pytest.mark.browser

#: nano's own files under another name: a model that any machine can load, small enough for a test.
ID = "Qwen/Reader-GGUF"
FILES = {
    "Reader-Q4_K_M.gguf": nano.MODEL_PATH,
    "mmproj-Reader-F16.gguf": nano.MMPROJ_PATH,
}
LIMIT_MS = 60_000


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as running:
        running.add(ID, {name: path.read_bytes() for name, path in FILES.items()})
        yield running


def serve_from(hub: FakeHub, huiyan: Huiyan) -> None:
    huiyan.extra_environment |= {
        "HUIYAN_MODELS__MODELSCOPE_ENDPOINT": hub.url,
        "HUIYAN_MODELS__HUGGINGFACE_ENDPOINT": hub.url,
        "HUIYAN_MODELS__RETRIES": "0",
    }
    if page := built_page():
        huiyan.extra_environment["HUIYAN_GATEWAY__STATIC_DIR"] = str(page)


@pytest.fixture
def asked(fresh: Huiyan, hub: FakeHub) -> Huiyan:
    """Started with the name of a model that is not here."""
    serve_from(hub, fresh)
    fresh.start("--model", "qwen/reader-gguf")
    return fresh


@pytest.fixture
def chat(browser: Browser, asked: Huiyan) -> Iterator[ChatPage]:
    context = browser.new_context(locale="en", viewport={"width": 1280, "height": 800})
    yield ChatPage(context.new_page(), asked.url).open()
    context.close()


def test_button_fetches_shows_progress_and_the_model_takes_over(
    asked: Huiyan, hub: FakeHub, chat: ChatPage
) -> None:
    assert asked.report()["model"]["demo"]
    hub.fail("slow", path="/cdn/", times=None, bytes_per_s=3_000_000)
    chat.by_id("fetch-start").click()
    expect(chat.by_id("fetch-figures")).to_contain_text("MB of", timeout=LIMIT_MS)
    chat.page.reload()
    expect(chat.by_id("fetch-figures")).to_contain_text("MB of", timeout=LIMIT_MS)
    hub.faults.clear()
    # Fetched, loaded beside nano, proven with a picture, and put in its place: without a reload.
    expect(chat.by_id("demo-banner")).to_have_count(0, timeout=LIMIT_MS)
    assert asked.report()["model"]["id"] == ID
    chat.ask("你好")

    listed = asked.run("models", "list", "--json", "--data-dir", str(asked.data_dir)).json()["models"]
    assert [model["id"] for model in listed] == [ID]
    assert asked.stop().returncode == 0
    asked.start("--model", "qwen/reader-gguf")
    model = asked.report()["model"]
    assert (model["id"], model["demo"], model["wanted"]) == (ID, False, None), "the store is asked first"
    chat.page.reload()
    chat.wait_connection("online")
    expect(chat.by_id("demo-banner")).to_have_count(0)


def test_a_start_without_a_name_offers_what_suits_the_machine_and_keeps_to_it(
    fresh: Huiyan, hub: FakeHub, browser: Browser
) -> None:
    suggestion = means(load({"data_dir": fresh.data_dir})).suggestion()
    if suggestion is None or suggestion.engine != "llama_cpp":
        pytest.skip("this machine's planner names no model for llama.cpp")
    hub.add(suggestion.id, {name: path.read_bytes() for name, path in FILES.items()})
    serve_from(hub, fresh)
    fresh.start()
    card = fresh.report()["model"]
    assert (card["demo"], card["wanted"], card["planned"]) == (True, suggestion.id, True)
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    chat = ChatPage(context.new_page(), fresh.url).open()
    expect(chat.by_id("demo-banner")).to_contain_text(f"这台机器适合运行 {suggestion.id}")
    expect(chat.by_id("fetch-start")).to_contain_text("GB")
    chat.by_id("fetch-start").click()
    expect(chat.by_id("demo-banner")).to_have_count(0, timeout=LIMIT_MS)
    context.close()
    assert fresh.report()["model"]["id"] == suggestion.id
    fresh.stop()
    # Nobody has to know its name: what suits the machine is here now.
    fresh.start()
    card = fresh.report()["model"]
    assert (card["id"], card["demo"], card["wanted"]) == (suggestion.id, False, None)


def test_failure_is_explained_and_a_second_press_goes_on(asked: Huiyan, hub: FakeHub, chat: ChatPage) -> None:
    fault = hub.fail("status", path="Q4_K_M.gguf", times=None, status=403)
    chat.by_id("fetch-start").click()
    part = chat.by_id("fetch-part")
    expect(part).to_have_attribute("data-state", "failed", timeout=LIMIT_MS)
    assert fault.hits > 0
    expect(part).to_contain_text("It was not fetched")
    hub.faults.clear()
    chat.by_id("fetch-start").click()
    expect(chat.by_id("demo-banner")).to_have_count(0, timeout=LIMIT_MS)
    assert asked.report()["model"]["id"] == ID


def test_a_network_that_says_nothing_ends_in_words(asked: Huiyan, browser: Browser) -> None:
    # A port that takes connections and never answers is what a firewall makes of a hub.
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        asked.stop()
        asked.extra_environment |= {
            "HUIYAN_MODELS__MODELSCOPE_ENDPOINT": url,
            "HUIYAN_MODELS__HUGGINGFACE_ENDPOINT": url,
            "HUIYAN_MODELS__CONNECT_TIMEOUT_S": "1",
            "HUIYAN_MODELS__READ_TIMEOUT_S": "1",
        }
        asked.start("--model", "qwen/reader-gguf")
        context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
        chat = ChatPage(context.new_page(), asked.url).open()
        chat.by_id("fetch-start").click()
        part = chat.by_id("fetch-part")
        expect(part).to_contain_text("正在准备下载")
        # Two hubs, two seconds each, and the start of a process.
        expect(part).to_have_attribute("data-state", "failed", timeout=LIMIT_MS)
        expect(part).to_contain_text("无法连接 127.0.0.1")
        expect(part).to_contain_text("检查网络与代理")
        expect(chat.by_id("fetch-start")).to_be_enabled()
        context.close()


def test_stop_ends_the_process_and_keeps_what_came(asked: Huiyan, hub: FakeHub, chat: ChatPage) -> None:
    stalled = hub.fail("stall", path="/cdn/", after_bytes=3_000_000)
    chat.by_id("fetch-start").click()
    wait_until(lambda: stalled.hits > 0, "the fetch", 60)
    assert any("fetch_child" in " ".join(process.cmdline()) for process in asked.processes())
    chat.by_id("fetch-cancel").click()
    expect(chat.by_id("fetch-part")).to_have_attribute("data-state", "cancelled", timeout=LIMIT_MS)
    wait_until(
        lambda: not any("fetch_child" in " ".join(process.cmdline()) for process in asked.processes()),
        "no process that fetches",
        30,
    )
    assert list(_partials(asked.data_dir))
    assert asked.health() == "ok"


def test_launcher_that_stops_takes_the_fetch_along(asked: Huiyan, hub: FakeHub, chat: ChatPage) -> None:
    stalled = hub.fail("stall", path="/cdn/", after_bytes=3_000_000)
    chat.by_id("fetch-start").click()
    wait_until(lambda: stalled.hits > 0, "the fetch", 60)
    asked.kill("launcher")
    asked.wait_nothing_left()


def _partials(data_dir: Path) -> Iterator[Path]:
    return (data_dir / "models" / "partial").iterdir()
