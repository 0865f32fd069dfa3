"""Read every case of the benchmark and say how near the answers are to the truth.

    python -m benchmark.run [--only PATTERN] [--worst N] [--json FILE]

In an environment made from requirements-dev.lock. Cases, and where they come from: SOURCES.toml. What the
columns mean: scores.py.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.scores import Score, score
from benchmark.truth import TrueCell, TrueTable, plain, tables_in
from huiyan_table_ocr.pictures import load
from huiyan_table_ocr.reading import Reader, Stop, read_tables
from huiyan_table_ocr.structure import Table

_HERE = Path(__file__).resolve().parent
CASES = _HERE / "cases"
COLUMNS = ("teds", "structure", "cell_f1", "boxes")


@dataclass(frozen=True)
class Case:
    name: str
    picture: Path
    groups: tuple[str, ...]
    truth: list[TrueTable]


@dataclass(frozen=True)
class Outcome:
    case: Case
    score: Score
    seconds: float


def cases(pattern: str = "") -> list[Case]:
    """The committed cases whose name holds `pattern`, a regular expression."""
    listed = tomllib.loads((_HERE / "SOURCES.toml").read_text("utf-8"))["case"]
    return [
        Case(
            each["name"],
            CASES / each["picture"],
            tuple(each["groups"]),
            tables_in((CASES / f"{each['name']}.html").read_text("utf-8")),
        )
        for each in listed
        if re.search(pattern, each["name"])
    ]


def as_read(table: Table) -> TrueTable:
    """A table of the plugin's in the shape of a true one."""
    return [
        TrueCell(cell.row, cell.column, cell.row_span, cell.column_span, plain(cell.text), cell.box)
        for cell in table.cells
    ]


def outcome(reader: Reader, case: Case) -> Outcome:
    """Read one case."""
    begin_s = time.perf_counter()
    read = read_tables(reader, load(case.picture.name, CASES), Stop())
    took_s = time.perf_counter() - begin_s
    return Outcome(case, score(case.truth, [as_read(table) for table in read.tables]), took_s)


def summary(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """A row for each group: its name, how many, the medians, and the mean of TEDS."""
    groups = dict.fromkeys(group for each in outcomes for group in each.case.groups)
    rows = []
    for group in [*groups, "all"]:
        inside = [each for each in outcomes if group == "all" or group in each.case.groups]
        medians = [statistics.median(getattr(each.score, column) for each in inside) for column in COLUMNS]
        mean = statistics.mean(each.score.teds for each in inside)
        rows.append([group, str(len(inside)), *(f"{value:.3f}" for value in (*medians, mean))])
    return rows


def main() -> None:
    """Print a table of Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="a regular expression for names of cases")
    parser.add_argument("--worst", type=int, default=0, help="also print that many of the worst cases")
    parser.add_argument("--json", type=Path, help="write every score into this file")
    given = parser.parse_args()
    chosen = cases(given.only)
    if not chosen:
        sys.exit(f"No case's name holds {given.only!r}.")
    reader = Reader()
    reader.warm()
    outcomes: list[Outcome] = []
    for number, case in enumerate(chosen, 1):
        outcomes.append(outcome(reader, case))
        print(f"\r{number}/{len(chosen)} {case.name:40.40}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print("| group | cases | TEDS | structure | cell F1 | boxes | mean TEDS |")
    print("|---|---|---|---|---|---|---|")
    for row in summary(outcomes):
        print("| " + " | ".join(row) + " |")
    print(f"\nMedians; {statistics.median(each.seconds for each in outcomes):.1f} s a picture.")
    for each in sorted(outcomes, key=lambda one: one.score.teds)[: given.worst]:
        print(f"{each.score.teds:.3f} {each.score.structure:.3f} {each.score.cell_f1:.3f} {each.case.name}")
    if given.json:
        told = {each.case.name: {**asdict(each.score), "seconds": each.seconds} for each in outcomes}
        given.json.write_text(json.dumps(told, indent=1), "utf-8")


if __name__ == "__main__":
    main()
