"""The process that reads one document: `python -m huiyan_pdf_parser.worker`.

A document may be made to crash its reader, to keep it busy for ever, or to fill the memory. So it is read
here, under limits that the kernel keeps, and its end is one page's failure (parsing.py). It is told what to
do by one line on standard input (the password, too: nobody else sees it there), and answers a line a page.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

import pypdfium2

from huiyan_pdf_parser import ocr, wire
from huiyan_pdf_parser.document.opening import opened
from huiyan_pdf_parser.document.pictures import Pictures
from huiyan_pdf_parser.errors import DocumentError
from huiyan_pdf_parser.page import Options, PageParser
from huiyan_pdf_parser.ranges import pages_in

_MIB: Final = 1024 * 1024
#: Of address space; what reads scans maps much more than it uses.
_MEMORY_BYTES: Final = 1024 * _MIB
_OCR_MEMORY_BYTES: Final = 4096 * _MIB
#: Processor time for one page; the kernel ends the process after it, whatever it is doing.
PAGE_CPU_S: Final = 20.0
OCR_PAGE_CPU_S: Final = 120.0
MAX_OCR_PAGES: Final = 60


def main() -> None:
    """One document, then the end."""
    answers = _private_output()
    request: dict[str, Any] = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit(request)
    for line in _answers(request):
        answers.write(json.dumps(line, ensure_ascii=True) + "\n")
        answers.flush()


def _private_output() -> TextIO:
    """Standard output for us alone: what a library prints goes to standard error."""
    own = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(own, "w", encoding="ascii")


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def _limit(request: dict[str, Any]) -> None:
    bytes_ = request.get("memory_bytes") or (
        _OCR_MEMORY_BYTES if request["ocr"] != "never" and ocr.is_installed() else _MEMORY_BYTES
    )
    for kind, value in ((resource.RLIMIT_AS, bytes_), (resource.RLIMIT_CORE, 0)):
        try:
            hard = resource.getrlimit(kind)[1]
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (most, most))
        except (OSError, ValueError):  # macOS does not limit address space
            logging.getLogger(__name__).info("Limit %s is not kept here", kind)


def _alarm(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _answers(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    _alarm(PAGE_CPU_S)
    try:
        document = opened(Path(request["path"]), request["password"])
        total = len(document)
        numbers: Sequence[int] = request["numbers"] or pages_in(request["ranges"], total)
    except DocumentError as error:
        yield {"error": str(error)}
        return
    yield {"total": total, "numbers": list(numbers)}
    pictures = Pictures(
        Path(request["directory"]), most=request["most_pictures"], most_bytes=request["most_picture_bytes"]
    )
    options = Options(ocr=request["ocr"], pictures=request["pictures"], page_images=request["page_images"])
    parser = PageParser(document, options, pictures)
    scans = request["scans_before"]
    for number in numbers:
        _alarm(PAGE_CPU_S)
        yield {"begin": number}
        try:
            if parser.needs_ocr(number):
                if scans >= MAX_OCR_PAGES:
                    yield {"stop": number}
                    return
                scans += 1
                _alarm(OCR_PAGE_CPU_S)
            page = parser.parse(number)
        except (pypdfium2.PdfiumError, RecursionError, ValueError, OverflowError, OSError) as error:
            yield {"failed": number, "error": "damaged", "detail": type(error).__name__}
            continue
        except MemoryError:
            yield {"failed": number, "error": "memory", "detail": "MemoryError"}
            continue
        yield {"page": wire.written(page), "scans": scans}


if __name__ == "__main__":
    main()
