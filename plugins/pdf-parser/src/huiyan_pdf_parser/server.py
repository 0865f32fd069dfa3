"""The MCP server: one tool."""

from __future__ import annotations

import logging
import sys
import tempfile
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, Final

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from huiyan_pdf_parser import inputs
from huiyan_pdf_parser.answer import MAX_CHARACTERS, Answer, failed
from huiyan_pdf_parser.errors import DocumentError
from huiyan_pdf_parser.page import OcrMode, Page
from huiyan_pdf_parser.parsing import Begun, Failed, Opened, Request, Stopped, events_of
from huiyan_pdf_parser.progress import Progress

_BEAT_S: Final = 0.5

server = MCPServer("huiyan-pdf-parser")

Document = Annotated[
    str,
    Field(
        title="Document · 文档",
        description="A PDF: a file, or a data URL",
        json_schema_extra={"format": "file-path", "contentMediaType": "application/pdf"},
    ),
]
Pages = Annotated[
    str,
    Field(title="Pages · 页码", max_length=1000, description="Such as 1-3, 7, 10-; all of them if empty"),
]
Password = Annotated[
    str,
    Field(
        title="Password · 密码",
        max_length=1000,
        description="Of a protected document",
        json_schema_extra={"format": "password", "writeOnly": True},
    ),
]
Ocr = Annotated[
    OcrMode,
    Field(
        title="Scanned pages · 扫描页",
        description="auto: read pages without text as pictures; needs the extra ocr",
    ),
]
ExtractPictures = Annotated[
    bool, Field(title="Pictures · 图片", description="Bring the document's pictures along")
]
PageImages = Annotated[bool, Field(title="Page images · 页面图", description="Bring every page as a picture")]
Characters = Annotated[
    int,
    Field(
        title="Most characters · 最多字数",
        ge=1000,
        le=MAX_CHARACTERS,
        description="Pages beyond are left for another call, which the answer names",
    ),
]


@server.tool(
    name="parse_pdf",
    title="Parse PDF · 解析 PDF",
    annotations=ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
    structured_output=False,
)
async def parse_pdf(
    document: Document,
    ctx: Context[Any, Any],
    pages: Pages = "",
    password: Password = "",
    ocr: Ocr = "auto",
    pictures: ExtractPictures = True,
    page_images: PageImages = False,
    max_characters: Characters = MAX_CHARACTERS,
) -> CallToolResult:
    """Reads a PDF: text in reading order, tables, pictures; Markdown with page marks, and where each
    block is on its page.
    读取 PDF：按阅读顺序的文字、表格与图片，输出 Markdown 及每一块的位置。
    """
    answer = Answer(max_characters)
    progress = Progress()
    try:
        with tempfile.TemporaryDirectory(prefix="call-", dir=Path.cwd()) as scratch:
            directory = Path(scratch)
            request = Request(
                path=inputs.find(document, Path.cwd(), directory),
                directory=directory,
                ranges=pages,
                password=password,
                ocr=ocr,
                pictures=pictures,
                page_images=page_images,
            )
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_beat, ctx, progress)
                trouble = await _collect(request, answer, progress)
                tasks.cancel_scope.cancel()
            return failed(trouble) if trouble else answer.result(directory)
    except DocumentError as error:
        return failed(str(error))
    except OSError as error:
        return failed(f"There is no room to work in: {error.strerror}. 工作目录不可用。")
    except MemoryError:
        return failed(
            "The answer needs more memory than this tool may use: ask for less. 内存不足，请减少页数。"
        )


async def _collect(request: Request, answer: Answer, progress: Progress) -> str:
    """Fill the answer; what is wrong with the document where nothing can be read."""
    try:
        async with aclosing(events_of(request)) as events:
            async for event in events:
                match event:
                    case Opened():
                        answer.total, answer.numbers = event.total, event.numbers
                        progress.open(len(event.numbers))
                    case Begun():
                        progress.at(event.number)
                    case Page() | Failed():
                        if not answer.add(event):
                            return ""
                        progress.done()
                    case Stopped():
                        answer.stopped_at = event.number
    except DocumentError as error:
        return str(error)
    if answer.pages and not any(isinstance(page, Page) for page in answer.pages):
        first = answer.pages[0]
        assert isinstance(first, Failed)
        return f"No page can be read. 没有可读取的页面。 {first.message}"
    return ""


async def _beat(ctx: Context[Any, Any], progress: Progress) -> None:
    """How far it is, twice a second: also a sign of life."""
    while True:
        reached, total, text = progress.told()
        await ctx.report_progress(reached, total, text)
        await anyio.sleep(_BEAT_S)


def main() -> None:
    """Serve until standard input ends."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    server.run()
