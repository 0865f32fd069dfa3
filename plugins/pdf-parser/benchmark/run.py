"""The figures: python -m benchmark.run [NAME…] [--json] [--show]"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmark.scores import f1, tables_score, text_score
from huiyan_pdf_parser.document.opening import opened
from huiyan_pdf_parser.document.pictures import Pictures
from huiyan_pdf_parser.furniture import mark_furniture
from huiyan_pdf_parser.page import Options, Page, PageParser

CASES = Path(__file__).parent / "cases"


def read(path: Path) -> list[Page]:
    with tempfile.TemporaryDirectory() as scratch:
        document = opened(path, "")
        parser = PageParser(document, Options(), Pictures(Path(scratch), most=48, most_bytes=8_000_000))
        pages = [parser.parse(number) for number in range(1, len(document) + 1)]
        document.close()
    mark_furniture(pages)
    return pages


def text_of(pages: list[Page]) -> str:
    parts: list[str] = []
    for page in pages:
        for block in page.blocks:
            if block.kind in {"header", "footer"}:
                continue
            if block.table is not None:
                parts.extend(cell.text for cell in block.table.cells)
            else:
                parts.append(block.text)
    return "\n".join(parts)


def tables_of(pages: list[Page]) -> list[list[dict[str, Any]]]:
    return [
        [
            {
                "row": cell.row,
                "column": cell.column,
                "row_span": cell.row_span,
                "column_span": cell.column_span,
                "text": cell.text,
            }
            for cell in block.table.cells
        ]
        for page in pages
        for block in page.blocks
        if block.table is not None
    ]


def score(name: str) -> dict[str, Any]:
    truth = json.loads((CASES / f"{name}.json").read_text("utf-8"))
    begun = time.process_time()
    pages = read(CASES / f"{name}.pdf")
    took = time.process_time() - begun
    text = text_of(pages)
    right, found, wanted = tables_score(tables_of(pages), truth["tables"])
    return {
        "name": name,
        "pages": len(pages),
        "text": round(text_score(text, truth["text"]), 4),
        "cells": [right, found, wanted],
        "cell_f1": round(f1(right, found, wanted), 4) if wanted or found else None,
        "cpu_s_a_page": round(took / len(pages), 3),
    }


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("names", nargs="*")
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    names = given.names or sorted(path.stem for path in CASES.glob("*.pdf"))
    scores = []
    if not given.json:
        print("| case | pages | text | cell F1 | cells right / read / true |\n|---|---|---|---|---|")
    for name in names:
        each = score(name)
        scores.append(each)
        if not given.json:
            told = "" if each["cell_f1"] is None else f"{each['cell_f1']:.3f}"
            counts = " / ".join(map(str, each["cells"])) if told else ""
            print(f"| {name} | {each['pages']} | {each['text']:.3f} | {told} | {counts} |")
            sys.stdout.flush()
    cells = [sum(each["cells"][index] for each in scores) for index in range(3)]
    mean = sum(each["text"] for each in scores) / len(scores)
    whole = {"text": round(mean, 4), "cell_f1": round(f1(cells[0], cells[1], cells[2]), 4), "cells": cells}
    if given.json:
        print(json.dumps({"cases": scores, "all": whole}, indent=1))
    else:
        print(f"| **all** | | **{mean:.3f}** | **{whole['cell_f1']:.3f}** | {' / '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
