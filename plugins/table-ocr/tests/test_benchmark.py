"""The scores, the list of cases, and some of the cases through the real models."""

from __future__ import annotations

import statistics
import tomllib
from pathlib import Path

import pytest
from benchmark import run
from benchmark.scores import cell_f1, edits, score, teds
from benchmark.truth import TrueTable, plain, tables_in

from huiyan_table_ocr.reading import Reader

BENCHMARK = Path(run.__file__).parent
#: One of each kind: lines, merged, none, Chinese, scanned, coloured.
SAMPLE = "^(sqlite-compile|office-week-numbers|pandas-frame|scan-pg-row-locks|hand-three-lines|hand-zebra)$"


def table(html: str) -> TrueTable:
    return tables_in(f"<table>{html}</table>")[0]


TWO_BY_TWO = table("<tr><td>ab</td><td>cd</td></tr><tr><td>ef</td><td>gh</td></tr>")


def test_the_same_table_has_all_points_and_none_has_none() -> None:
    assert teds(TWO_BY_TWO, TWO_BY_TWO) == 1.0
    assert cell_f1(TWO_BY_TWO, TWO_BY_TWO) == 1.0
    assert score([TWO_BY_TWO], []).teds == 0.0
    # One that is not there counts as much as one that was missed.
    assert score([TWO_BY_TWO], [TWO_BY_TWO, TWO_BY_TWO]).teds == 0.5


@pytest.mark.parametrize(
    ("rows", "distance"),
    [
        # Half of one text of seven nodes: table, two rows, four cells.
        ("<tr><td>ab</td><td>cd</td></tr><tr><td>ef</td><td>gx</td></tr>", 0.5),
        # A cell less.
        ("<tr><td>ab</td><td>cd</td></tr><tr><td>ef</td></tr>", 1.0),
        # A cell less, and other spans.
        ('<tr><td colspan="2">ab</td></tr><tr><td>ef</td><td>gh</td></tr>', 2.0),
        # A row of two cells less.
        ("<tr><td>ab</td><td>cd</td></tr>", 3.0),
    ],
)
def test_teds_counts_as_its_paper_says(rows: str, distance: float) -> None:
    assert teds(TWO_BY_TWO, table(rows)) == pytest.approx(1 - distance / 7)
    assert teds(table(rows), TWO_BY_TWO) == pytest.approx(1 - distance / 7)


def test_texts_do_not_count_for_the_structure() -> None:
    other = table("<tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr>")
    assert teds(TWO_BY_TWO, other, texts=False) == 1.0
    assert teds(TWO_BY_TWO, other) == pytest.approx(1 - 4 / 7)
    assert cell_f1(TWO_BY_TWO, other) == 0.0


def test_edits_are_levenshteins() -> None:
    assert edits("kitten", "sitting") == 3
    assert edits("", "表格") == edits("表格", "") == 2


def test_a_truth_is_read_with_its_spans_and_boxes() -> None:
    cells = table(
        '<tr><td rowspan="2" data-box="1 2 3 4">a&amp;b</td><td>c<br>d</td></tr><tr><td>ｅ 表 f</td></tr>'
    )
    assert [cell.place for cell in cells] == [(0, 0, 2, 1), (0, 1, 1, 1), (1, 1, 1, 1)]
    assert [cell.text for cell in cells] == ["a&b", "c d", "e表f"]
    assert [cell.box for cell in cells] == [(1, 2, 3, 4), None, None]
    assert plain(" 中 文  a  b ") == "中文a b"


def test_every_case_has_its_files_its_origin_and_its_licence() -> None:
    listed = tomllib.loads((BENCHMARK / "SOURCES.toml").read_text("utf-8"))["case"]
    files = {path.name for path in (BENCHMARK / "cases").iterdir()}
    assert files == {name for case in listed for name in (case["picture"], f"{case['name']}.html")}
    foreign = [case for case in listed if {"documents", "scans"} & set(case["groups"])]
    assert len(foreign) >= 20
    assert all(case["from"] and case["licence"] for case in foreign)
    assert sum(path.stat().st_size for path in (BENCHMARK / "cases").iterdir()) < 6_000_000
    assert f"\n{len(listed)} pictures" in (BENCHMARK / "README.md").read_text("utf-8")
    assert all(len(case.truth) == 1 and case.truth[0] for case in run.cases())


def test_some_cases_are_read_as_well_as_the_figures_say(reader: Reader) -> None:
    outcomes = [run.outcome(reader, case) for case in run.cases(SAMPLE)]
    assert len(outcomes) == 6
    scores = {each.case.name: each.score for each in outcomes}
    assert min(each.structure for each in scores.values()) > 0.85, scores
    assert min(each.boxes for each in scores.values()) > 0.9, scores
    assert statistics.median(each.teds for each in scores.values()) > 0.95, scores
    assert [row[:2] for row in run.summary(outcomes)][-1] == ["all", "6"]
