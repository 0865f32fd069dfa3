"""The server as a program of its own, spoken to by the official client."""

from __future__ import annotations

import base64
import io
import os
import sys
from pathlib import Path
from typing import Any

import anyio
import openpyxl
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import CallToolResult, EmbeddedResource, TextContent
from PIL import Image, ImageDraw, ImageFont

_PATIENCE_S = 300
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}


def run(directory: Path, calls: list[dict[str, Any]]) -> tuple[list[CallToolResult], list[str]]:
    """The answers to some calls of read_tables, and what progress said."""
    said: list[str] = []
    results: list[CallToolResult] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        said.append(message or "")

    async def talk() -> None:
        parameters = StdioServerParameters(
            command=sys.executable, args=["-m", "huiyan_table_ocr"], env=_ENVIRONMENT, cwd=directory
        )
        with anyio.fail_after(_PATIENCE_S):
            async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
                await session.initialize()
                listed = (await session.list_tools()).tools
                assert [tool.name for tool in listed] == ["read_tables"]
                image = listed[0].input_schema["properties"]["image"]
                assert (image["format"], image["contentMediaType"]) == ("file-path", "image/*")
                results.extend(
                    [await session.call_tool("read_tables", each, progress_callback=note) for each in calls]
                )

    anyio.run(talk)
    return results, said


def table_picture() -> bytes:
    picture = Image.new("RGB", (420, 140), "white")
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(22)
    for row, texts in enumerate([["Item", "Price"], ["Teapot", "88"]]):
        for column, text in enumerate(texts):
            pen.text((30 + 190 * column, 27 + 50 * row), text, "black", font)
    for step in range(3):
        pen.line((20, 15 + 50 * step, 400, 15 + 50 * step), "black", 2)
        pen.line((20 + 190 * step, 15, 20 + 190 * step, 115), "black", 2)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_a_picture_becomes_a_table_and_errors_are_told(tmp_path: Path) -> None:
    (tmp_path / "table.png").write_bytes(table_picture())
    url = "data:image/png;base64," + base64.b64encode(table_picture()).decode()
    (by_path, by_url, wrong), said = run(
        tmp_path,
        [
            {"image": str(tmp_path / "table.png")},
            {"image": url, "format": "html"},
            {"image": "/etc/hostname"},
        ],
    )
    assert not by_path.is_error
    assert isinstance(by_path.content[0], TextContent)
    assert by_path.content[0].text == "| Item | Price |\n|---|---|\n| Teapot | 88 |"
    assert isinstance(by_url.content[0], TextContent)
    assert by_url.content[0].text.startswith("<table>")
    assert by_path.structured_content == by_url.structured_content
    files = {
        str(c.resource.uri).rpartition("/")[2]: c.resource
        for c in by_path.content
        if isinstance(c, EmbeddedResource)
    }
    assert set(files) == {"tables.xlsx", "table.csv", "table.html"}
    book = openpyxl.load_workbook(io.BytesIO(base64.b64decode(files["tables.xlsx"].model_dump()["blob"])))
    assert [[cell.value for cell in row] for row in book.worksheets[0].rows] == [
        ["Item", "Price"],
        ["Teapot", 88],
    ]
    assert any("Loading" in line or "Reading" in line for line in said)
    assert wrong.is_error
    assert isinstance(wrong.content[0], TextContent)
    assert "data URL" in wrong.content[0].text


def test_a_cancelled_call_leaves_the_server_at_work(tmp_path: Path) -> None:
    (tmp_path / "table.png").write_bytes(table_picture())

    async def talk() -> CallToolResult:
        parameters = StdioServerParameters(
            command=sys.executable, args=["-m", "huiyan_table_ocr"], env=_ENVIRONMENT, cwd=tmp_path
        )
        with anyio.fail_after(_PATIENCE_S):
            async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
                await session.initialize()
                begun = anyio.Event()

                async def note(progress: float, total: float | None, message: str | None) -> None:
                    begun.set()

                async def call() -> None:
                    await session.call_tool("read_tables", {"image": "table.png"}, progress_callback=note)

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(call)
                    await begun.wait()
                    tasks.cancel_scope.cancel()
                return await session.call_tool("read_tables", {"image": "table.png"})

    result = anyio.run(talk)
    assert not result.is_error


@pytest.mark.parametrize("key", ["name", "title", "command", "limits"])
def test_the_manifest_lies_in_the_package(key: str) -> None:
    import tomllib
    from importlib.resources import files

    manifest = tomllib.loads(files("huiyan_table_ocr").joinpath("huiyan-tool.toml").read_text("utf-8"))
    assert manifest[key]
