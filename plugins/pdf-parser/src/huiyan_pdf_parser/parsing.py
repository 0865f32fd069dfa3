"""A document, page by page, read by a process that may die of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import ByteReceiveStream, Process

from huiyan_pdf_parser import wire
from huiyan_pdf_parser.errors import DocumentError
from huiyan_pdf_parser.page import OcrMode, Page

#: A page that needs longer, by the clock, is given up: the machine may be busy, but not that busy.
PAGE_PATIENCE_S: Final = 300.0
_MAX_LINE_BYTES: Final = 48 * 1024 * 1024
#: After as many pages that ended the reader, the rest is not tried.
_MOST_DEATHS: Final = 5
_MODULE: Final = "huiyan_pdf_parser.worker"


@dataclass(frozen=True)
class Request:
    """ranges: as people write them. directory: where pictures are written. password: never in a log."""

    path: Path
    directory: Path
    ranges: str = ""
    password: str = field(default="", repr=False)
    ocr: OcrMode = "auto"
    pictures: bool = True
    page_images: bool = False
    most_pictures: int = 48
    most_picture_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True)
class Opened:
    """numbers: the pages that will be read."""

    total: int
    numbers: list[int]


@dataclass(frozen=True)
class Begun:
    """Work on a page has begun."""

    number: int


@dataclass(frozen=True)
class Failed:
    """One page could not be read; the others go on."""

    number: int
    message: str


@dataclass(frozen=True)
class Stopped:
    """No more scans in one call; `number` and what follows were not read."""

    number: int


Event = Opened | Begun | Page | Failed | Stopped

_MESSAGES: Final = {
    "damaged": "This page is damaged and cannot be read. 本页已损坏，无法读取。",
    "memory": "This page needs more memory than this tool may use. 本页所需内存超出限制。",
    "time": "This page takes too long; it was given up. 本页处理时间过长，已放弃。",
    "died": "This page ends the program that reads it; it was left out. 本页导致读取程序退出，已跳过。",
}


@dataclass
class _State:
    """What is known over the lives of several processes. left: pages of which nothing was told yet."""

    opened: bool = False
    left: list[int] = field(default_factory=list)
    scans: int = 0
    reason: str = "died"
    stopped: bool = False


async def events_of(request: Request) -> AsyncGenerator[Event, None]:
    """What happens, in order. Its process is ended when the iteration is.

    Raises: DocumentError where the document cannot be opened.
    """
    state = _State()
    for _ in range(_MOST_DEATHS):
        state.reason = "died"
        async with aclosing(_run(request, state.left, state.scans)) as lines:
            async for line in lines:
                event = _event(line, state)
                if event is not None:
                    yield event
        if not state.opened:
            raise DocumentError(
                "The document cannot be opened: it is damaged, or made to do harm. "
                "无法打开文档：文件已损坏或为恶意文件。"
            )
        if not state.left or state.stopped:
            return
        yield Failed(state.left.pop(0), _MESSAGES[state.reason])
        if not state.left:
            return
    for number in state.left:
        yield Failed(number, _MESSAGES["died"])


def _event(line: dict[str, Any], state: _State) -> Event | None:
    """What a line of the process means. Raises: DocumentError."""
    match line:
        case {"ended": str(reason)}:
            state.reason = reason
        case {"total": int(total), "numbers": list(numbers)}:
            if not state.opened:
                state.opened, state.left = True, list(numbers)
                return Opened(total, list(numbers))
        case {"begin": int(number)}:
            return Begun(number)
        case {"stop": int(number)}:
            state.stopped = True
            return Stopped(number)
        case {"page": dict(page), "scans": int(scans)}:
            state.left, state.scans = state.left[1:], scans
            return wire.read(page)
        case {"failed": int(number), "error": str(reason)}:
            state.left = state.left[1:]
            return Failed(number, _MESSAGES[reason])
        case {"error": str(message)}:
            raise DocumentError(message)
    return None


async def _run(request: Request, numbers: list[int], scans: int) -> AsyncGenerator[dict[str, Any], None]:
    """The lines of one process, at last how it ended where that was not by itself."""
    told = {
        "path": str(request.path),
        "directory": str(request.directory),
        "ranges": request.ranges,
        "password": request.password,
        "ocr": request.ocr,
        "pictures": request.pictures,
        "page_images": request.page_images,
        "most_pictures": request.most_pictures,
        "most_picture_bytes": request.most_picture_bytes,
        "numbers": numbers,
        "scans_before": scans,
    }
    process = await anyio.open_process(
        [sys.executable, "-m", _MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            await process.stdin.send(json.dumps(told).encode("ascii") + b"\n")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            yield {"ended": "died"}
            return
        late = False
        async with aclosing(_lines(process.stdout)) as lines:
            while True:
                line: bytes | None = None
                with anyio.move_on_after(PAGE_PATIENCE_S) as scope:
                    line = await anext(lines, None)
                late = scope.cancelled_caught
                if line is None:
                    break
                yield json.loads(line)
        if late:
            yield {"ended": "time"}
            return
        code = await process.wait()
        if code:
            yield {"ended": "time" if code == -signal.SIGPROF else "died"}
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
    await process.aclose()


async def _lines(stream: ByteReceiveStream) -> AsyncGenerator[bytes, None]:
    waiting = bytearray()
    while True:
        try:
            waiting += await stream.receive(1024 * 1024)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return
        while (end := waiting.find(b"\n")) >= 0:
            line = bytes(waiting[:end])
            del waiting[: end + 1]
            yield line
        if len(waiting) > _MAX_LINE_BYTES:
            return
