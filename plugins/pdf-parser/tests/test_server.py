"""The server as a program of its own, spoken to by the official client."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import CallToolResult, EmbeddedResource, TextContent
from reportlab.lib.pdfencrypt import StandardEncryption

from tests.documents import FONT, LOREM, filled, lines, one_page, pdf, picture

_PATIENCE_S = 300
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}


def talk(directory: Path, work: Callable[[ClientSession], Awaitable[None]], log: Path | None = None) -> None:
    """log: what the server says on standard error is written there."""

    async def run() -> None:
        parameters = StdioServerParameters(
            command=sys.executable, args=["-m", "huiyan_pdf_parser"], env=_ENVIRONMENT, cwd=directory
        )
        with anyio.fail_after(_PATIENCE_S), (log or Path(os.devnull)).open("w", encoding="utf-8") as said:
            async with (
                stdio_client(parameters, errlog=said) as (read, write),
                ClientSession(read, write) as session,
            ):
                await session.initialize()
                await work(session)

    anyio.run(run)


async def until(true: Callable[[], bool]) -> None:
    """The clock around every conversation ends this, too."""
    while not true():  # noqa: ASYNC110 - nobody tells when a directory is gone
        await anyio.sleep(0.05)


def text_of(result: CallToolResult) -> str:
    (first,) = [item.text for item in result.content if isinstance(item, TextContent)]
    return first


def test_a_document_comes_as_markdown_blocks_and_pictures(tmp_path: Path) -> None:
    def draw(canvas: Any) -> None:
        lines(canvas, filled(LOREM, 5, 80), 60, 780)
        canvas.drawImage(picture(200, 100), 60, 500, 200, 100)

    (tmp_path / "a.pdf").write_bytes(pdf(draw, draw))
    url = "data:application/pdf;base64," + base64.b64encode((tmp_path / "a.pdf").read_bytes()).decode()

    async def work(session: ClientSession) -> None:
        (tool,) = (await session.list_tools()).tools
        assert tool.name == "parse_pdf"
        document = tool.input_schema["properties"]["document"]
        assert (document["format"], document["contentMediaType"]) == ("file-path", "application/pdf")
        assert tool.input_schema["properties"]["password"]["format"] == "password"
        by_path = await session.call_tool("parse_pdf", {"document": "a.pdf", "ocr": "never"})
        by_url = await session.call_tool("parse_pdf", {"document": url, "ocr": "never"})
        assert not by_path.is_error
        assert by_path.structured_content == by_url.structured_content
        assert text_of(by_path).startswith("*— 1 / 2 —*\n\nGardens of the north")
        told = by_path.structured_content
        assert told is not None
        assert [page["page"] for page in told["pages"]] == [1, 2]
        assert [block["kind"] for block in told["pages"][0]["blocks"]] == ["paragraph", "picture"]
        assert told["pages"][0]["blocks"][1]["box"] == [60.0, 242.0, 260.0, 342.0]
        # The same picture on both pages comes once.
        (file,) = [item for item in by_path.content if isinstance(item, EmbeddedResource)]
        assert str(file.resource.uri).endswith("/page-1-1.png")
        assert base64.b64decode(file.resource.model_dump()["blob"]).startswith(b"\x89PNG")
        one = await session.call_tool("parse_pdf", {"document": "a.pdf", "pages": "2", "page_images": True})
        assert one.structured_content is not None
        assert one.structured_content["pages"][0]["image"] == "page-2.png"
        for wrong in ({"document": "/etc/hostname"}, {"document": "a.pdf", "pages": "7"}):
            result = await session.call_tool("parse_pdf", wrong)
            assert result.is_error

    talk(tmp_path, work)
    assert not list(tmp_path.glob("call-*"))


def test_a_long_document_says_how_far_it_is_and_stops_when_asked(tmp_path: Path) -> None:
    def draw(canvas: Any) -> None:
        lines(canvas, filled(LOREM, 55, 90), 60, 800)

    (tmp_path / "long.pdf").write_bytes(pdf(*[draw] * 500))
    said: list[tuple[float, float | None]] = []

    async def work(session: ClientSession) -> None:
        reached = anyio.Event()

        async def note(progress: float, total: float | None, message: str | None) -> None:
            said.append((progress, total))
            if total is not None and progress >= 5:
                reached.set()

        async def call() -> None:
            await session.call_tool("parse_pdf", {"document": "long.pdf"}, progress_callback=note)
            raise AssertionError("It was to be cancelled")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await reached.wait()
            tasks.cancel_scope.cancel()
        # The server goes on, and what the call worked with is gone.
        result = await session.call_tool("parse_pdf", {"document": "long.pdf", "pages": "499-"})
        assert result.structured_content is not None
        assert result.structured_content["pages_read"] == [499, 500]
        await until(lambda: not list(tmp_path.glob("call-*")))

    talk(tmp_path, work)
    numbers = [number for number, _ in said]
    assert numbers == sorted(numbers)
    assert {total for _, total in said} - {None} == {500.0}


def test_an_answer_has_a_bound_and_says_where_to_go_on(tmp_path: Path) -> None:
    def draw(canvas: Any) -> None:
        lines(canvas, filled(LOREM, 10, 90), 60, 800)

    (tmp_path / "a.pdf").write_bytes(pdf(*[draw] * 6))

    async def work(session: ClientSession) -> None:
        read: list[int] = []
        pages = "1-5"
        for _ in range(6):
            result = await session.call_tool(
                "parse_pdf", {"document": "a.pdf", "pages": pages, "max_characters": 2000}
            )
            told = result.structured_content
            assert told is not None
            assert len(text_of(result)) < 2400
            read += told["pages_read"]
            pages = told["next_pages"]
            if not pages:
                break
            assert f"pages = {pages}" in text_of(result)
        assert read == [1, 2, 3, 4, 5]

    talk(tmp_path, work)


def test_a_password_opens_and_is_told_to_nobody(tmp_path: Path) -> None:
    def draw(canvas: Any) -> None:
        lines(canvas, ["a secret that is kept well"], 60, 700)

    (tmp_path / "locked.pdf").write_bytes(pdf(draw, encrypt=StandardEncryption("open-sesame", strength=128)))
    log = tmp_path / "log.txt"

    async def work(session: ClientSession) -> None:
        without = await session.call_tool("parse_pdf", {"document": "locked.pdf"})
        wrong = await session.call_tool("parse_pdf", {"document": "locked.pdf", "password": "wrong-guess"})
        right = await session.call_tool("parse_pdf", {"document": "locked.pdf", "password": "open-sesame"})
        assert without.is_error
        assert "Give its password" in text_of(without)
        assert wrong.is_error
        assert "password is wrong" in text_of(wrong)
        assert "wrong-guess" not in text_of(wrong)
        assert "a secret that is kept well" in text_of(right)

    talk(tmp_path, work, log)
    assert "sesame" not in log.read_text("utf-8")
    assert "wrong-guess" not in log.read_text("utf-8")


def test_a_page_that_cannot_be_read_leaves_the_others(tmp_path: Path) -> None:
    """The third page's content is there, the second one's says nothing that pdfium could draw."""
    broken = one_page(b"BT /F1 12 Tf 50 500 Td (good) Tj ET", resources=FONT)
    (tmp_path / "cut.pdf").write_bytes(broken[: len(broken) // 2])

    async def work(session: ClientSession) -> None:
        result = await session.call_tool("parse_pdf", {"document": "cut.pdf"})
        assert result.is_error
        assert "damaged" in text_of(result)

    talk(tmp_path, work)
