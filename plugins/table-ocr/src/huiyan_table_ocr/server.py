"""The MCP server: one tool, models loaded while the first question is still being written."""

from __future__ import annotations

import base64
import logging
import sys
import threading
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import (
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)
from pydantic import Field

from huiyan_table_ocr.answer import structured
from huiyan_table_ocr.pictures import InputError, load
from huiyan_table_ocr.progress import TOTAL, Progress
from huiyan_table_ocr.reading import Read, Reader, Stop, Stopped, read_tables
from huiyan_table_ocr.structure import Table, to_csv, to_html, to_markdown, to_xlsx

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BEAT_S = 1.0

server = MCPServer("huiyan-table-ocr")
reader = Reader()

Picture = Annotated[
    str,
    Field(
        title="Picture · 图片",
        description="A picture with a table: a file, or a data URL",
        json_schema_extra={"format": "file-path", "contentMediaType": "image/*"},
    ),
]
Format = Annotated[
    Literal["markdown", "html", "csv"],
    Field(
        title="Text as · 文本格式",
        description="How the tables are written in the answer; files come in all formats",
    ),
]


@server.tool(
    name="read_tables",
    title="Read tables · 读取表格",
    annotations=ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
    structured_output=False,
)
async def read_tables_tool(
    image: Picture,
    ctx: Context[Any, Any],
    format: Format = "markdown",  # noqa: A002 - what callers write
) -> CallToolResult:
    """Reads the tables in a picture, merged cells and borderless ones too: Markdown, HTML, CSV and XLSX,
    with a box for every cell. 读取图片中的表格（含合并单元格与无边框表格），并给出每个单元格的位置。
    """
    stop = Stop()
    progress = Progress()

    def work() -> CallToolResult:
        try:
            pixels = load(image, Path.cwd())
            reader.warm()
            read = read_tables(reader, pixels, stop, progress.at)
            height, width = pixels.shape[:2]
            return _result(read, (width, height), format)
        except InputError as error:
            return _failed(str(error))
        except Stopped:
            return _failed("Stopped. 已停止。")  # nobody waits for it any more
        except MemoryError:
            return _failed(
                "The picture needs more memory than this tool may use. Make it smaller. "
                "内存不足，请缩小图片。"
            )

    results: list[CallToolResult] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_beat, ctx, progress)
        try:
            # A model that runs cannot be interrupted: the thread is left alone and stops after its step.
            results.append(await anyio.to_thread.run_sync(work, abandon_on_cancel=True))
        finally:
            stop.set()
            tasks.cancel_scope.cancel()
    return results[0]


def _failed(message: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=message)], is_error=True)


async def _beat(ctx: Context[Any, Any], progress: Progress) -> None:
    """A sign of life every second, how far it is, and what is being done."""
    while True:
        reached, text = progress.told()
        await ctx.report_progress(reached, TOTAL, text)
        await anyio.sleep(_BEAT_S)


def _result(read: Read, size: tuple[int, int], text_format: str) -> CallToolResult:
    if not read.tables:
        found = "No table was found; this is the text. 未找到表格，以下为识别到的文字。"
        text = (
            "\n\n".join([found, *(word.text for word in read.words)])
            if read.words
            else ("There is no text in this picture. 图片中没有文字。")
        )
        return CallToolResult(
            content=[TextContent(type="text", text=text)], structured_content=structured(read, size)
        )
    write = {"markdown": to_markdown, "html": to_html, "csv": _fenced_csv}[text_format]
    content: list[Any] = [TextContent(type="text", text="\n\n".join(write(table) for table in read.tables))]
    content.append(_blob("tables.xlsx", to_xlsx(read.tables), _XLSX))
    for index, table in enumerate(read.tables, 1):
        name = f"table-{index}" if len(read.tables) > 1 else "table"
        # The mark at the start makes spreadsheet programs read the file as UTF-8.
        content.append(_text(f"{name}.csv", "\ufeff" + to_csv(table), "text/csv"))
        content.append(_text(f"{name}.html", to_html(table), "text/html"))
    return CallToolResult(content=content, structured_content=structured(read, size))


def _fenced_csv(table: Table) -> str:
    return f"```csv\n{to_csv(table).replace('```', '` ` `')}```"


def _blob(name: str, data: bytes, media_type: str) -> EmbeddedResource:
    blob = base64.b64encode(data).decode("ascii")
    return EmbeddedResource(
        type="resource",
        resource=BlobResourceContents(uri=f"result:///{name}", mime_type=media_type, blob=blob),
    )


def _text(name: str, text: str, media_type: str) -> EmbeddedResource:
    return EmbeddedResource(
        type="resource",
        resource=TextResourceContents(uri=f"result:///{name}", mime_type=media_type, text=text),
    )


def main() -> None:
    """Serve until standard input ends."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    threading.Thread(target=_warm, name="warm", daemon=True).start()
    server.run()


def _warm() -> None:
    try:
        reader.warm()
    except Exception:
        logging.getLogger(__name__).warning("The models could not be loaded", exc_info=True)
