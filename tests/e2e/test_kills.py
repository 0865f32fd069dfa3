"""kill -9 of the engine, of the gateway and of the launcher: nothing is lost, nothing is orphaned.

Each test kills real processes while the page is open, and looks at the page, at the processes and at
what comes back. The tests share one huiyan and run in their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Playwright, expect

from tests.support.browser import CHROMIUM_FLAGS, ChatPage, Upload, chromium_path
from tests.support.installation import Huiyan
from tests.support.slow_motion import slow_motion

pytestmark = pytest.mark.browser

LIST = "列出收据上的商品和价格。"
DRAFT = "写了一半的下一个问题"
#: What the receipt really says.
TRUE = ["牛奶：12.50", "面包：8.00", "鸡蛋：15.80", "咖啡：22.00"]


@pytest.fixture
def receipt(sample_images: Path) -> Upload:
    return Upload.of(sample_images / "09_receipt_zh.png")


@pytest.fixture
def huiyan(tmp_path: Path) -> Iterator[Huiyan]:
    """One for each test: crashes in a row are counted, and these are not to count together."""
    installed = Huiyan(tmp_path / "home")
    try:
        installed.start()
        yield installed
        installed.stop()
        installed.wait_nothing_left()
    finally:
        installed.close()


def talk(page: ChatPage, receipt: Upload) -> str:
    """A first exchange with a picture, and a draft in the input; returns the answer."""
    page.drop(receipt)
    answer = page.ask("合计多少钱？")
    assert "58.30" in answer
    page.composer.fill(DRAFT)
    return answer


def assert_kept(page: ChatPage, answer: str) -> None:
    """History and draft are readable, whatever is dead."""
    expect(page.questions.first).to_contain_text("合计多少钱？")
    expect(page.questions.first.locator("img")).to_have_count(1)
    expect(page.answers.first).to_contain_text(answer.strip())
    expect(page.composer).to_have_value(DRAFT)


def assert_goes_on(page: ChatPage) -> None:
    """The next question is answered, and truly."""
    answer = page.ask(LIST)
    for line in TRUE:
        assert line in answer


def test_kill_9_of_the_idle_engine(page: ChatPage, huiyan: Huiyan, receipt: Upload) -> None:
    """History and draft stay, the engine comes back as a new process, sending goes on."""
    answer = talk(page, receipt)
    gateway = huiyan.pid_of("gateway")
    killed = huiyan.kill("engine")
    page.wait_engine("restarting", "starting", "loading", "warming")
    assert_kept(page, answer)
    huiyan.wait_ready()
    page.wait_engine("ready")
    assert huiyan.pid_of("engine") != killed
    assert huiyan.pid_of("gateway") == gateway, "the engine's death does not take the gateway along"
    assert_kept(page, answer)
    assert_goes_on(page)


def test_kill_9_of_the_engine_in_the_middle_of_an_answer(
    page: ChatPage, huiyan: Huiyan, receipt: Upload
) -> None:
    """The half-written answer stays on the page and is completed when the engine is back."""
    answer = talk(page, receipt)
    with slow_motion(huiyan.pid_of("engine"), rest_s=0.15):
        page.send(LIST)
        page.wait_first_words()
        page.composer.fill(DRAFT)
        huiyan.kill("engine")
    expect(page.answers).to_have_count(2)
    assert_kept(page, answer)
    final = page.wait_done()
    for line in TRUE:
        assert line in final
    expect(page.questions).to_have_count(2)
    assert_kept(page, answer)


def test_question_sent_while_the_engine_is_down_is_answered_when_it_is_back(
    page: ChatPage, huiyan: Huiyan, receipt: Upload
) -> None:
    answer = talk(page, receipt)
    huiyan.kill("engine")
    page.send(LIST)
    page.composer.fill(DRAFT)
    final = page.wait_done()
    for line in TRUE:
        assert line in final
    expect(page.answers).to_have_count(2)
    assert_kept(page, answer)


def test_kill_9_of_the_idle_gateway(page: ChatPage, huiyan: Huiyan, receipt: Upload) -> None:
    """What is being typed is not lost, the page reconnects, the engine has not even noticed."""
    answer = talk(page, receipt)
    engine = huiyan.pid_of("engine")
    boot = page.page.evaluate("() => fetch('/api/info').then((r) => r.json()).then((info) => info.boot_id)")
    killed = huiyan.kill("gateway")
    assert_kept(page, answer)
    huiyan.wait_ready()
    page.wait_connection("online")
    assert huiyan.pid_of("gateway") != killed
    assert huiyan.pid_of("engine") == engine, "the engine outlives a gateway"
    again = page.page.evaluate("() => fetch('/api/info').then((r) => r.json()).then((info) => info.boot_id)")
    assert again != boot
    assert_kept(page, answer)
    assert_goes_on(page)


def test_kill_9_of_the_gateway_in_the_middle_of_an_answer(
    page: ChatPage, huiyan: Huiyan, receipt: Upload
) -> None:
    answer = talk(page, receipt)
    with slow_motion(huiyan.pid_of("engine"), rest_s=0.15):
        page.send(LIST)
        page.wait_first_words()
        page.composer.fill(DRAFT)
        huiyan.kill("gateway")
        assert_kept(page, answer)
    final = page.wait_done()
    for line in TRUE:
        assert line in final
    expect(page.answers).to_have_count(2)
    expect(page.questions).to_have_count(2)
    assert_kept(page, answer)


def test_kill_9_of_the_launcher(page: ChatPage, huiyan: Huiyan, receipt: Upload) -> None:
    """Its children are gone within 5 s, the page stays readable, the next start is clean and it goes on."""
    answer = talk(page, receipt)
    huiyan.kill("launcher")
    huiyan.wait_nothing_left()
    page.wait_connection("offline")
    assert_kept(page, answer)
    # What is sent now waits in the outbox.
    page.send(LIST)
    page.composer.fill(DRAFT)
    expect(page.answers).to_have_count(2)
    page.wait_status("waiting")
    assert_kept(page, answer)
    huiyan.start()
    page.wait_connection("online")
    final = page.wait_done()
    for line in TRUE:
        assert line in final
    assert_kept(page, answer)
    report = huiyan.run("status", "--json", "--data-dir", str(huiyan.data_dir))
    assert report.returncode == 0, report.said


def test_kill_9_of_the_launcher_in_the_middle_of_an_answer(
    page: ChatPage, huiyan: Huiyan, receipt: Upload
) -> None:
    answer = talk(page, receipt)
    with slow_motion(huiyan.pid_of("engine"), rest_s=0.15):
        page.send(LIST)
        page.wait_first_words()
        page.composer.fill(DRAFT)
        huiyan.kill("launcher")
    huiyan.wait_nothing_left()
    assert_kept(page, answer)
    huiyan.start()
    final = page.wait_done()
    for line in TRUE:
        assert line in final
    expect(page.answers).to_have_count(2)
    assert_kept(page, answer)


def test_all_three_at_once(page: ChatPage, huiyan: Huiyan, receipt: Upload) -> None:
    """As a power failure does it, with a browser that survives on its battery."""
    answer = talk(page, receipt)
    for part in ("engine", "gateway", "launcher"):
        huiyan.kill(part)
    huiyan.wait_nothing_left()
    assert_kept(page, answer)
    huiyan.start()
    page.wait_connection("online")
    assert_kept(page, answer)
    assert_goes_on(page)


def test_browser_that_is_closed_and_opened_again_finds_everything(
    huiyan: Huiyan, playwright: Playwright, receipt: Upload, tmp_path: Path
) -> None:
    """A real profile on disk, so that the browser's end is a real one."""

    def visit() -> BrowserContext:
        return playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium_path(), args=CHROMIUM_FLAGS, locale="zh-CN"
        )

    context = visit()
    first = ChatPage(context.pages[0], huiyan.url).open()
    answer = talk(first, receipt)
    address = first.page.url
    # Typing is on disk within a fraction of a second; nobody reaches the window's cross faster.
    first.page.wait_for_timeout(500)
    context.close()
    context = visit()
    assert_kept(ChatPage(context.pages[0], address).open(), answer)
    context.close()
