"""The threat model names the test behind each line: every one of them exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "concepts" / "threat-model.md"
CHINESE = ROOT / "docs" / "concepts" / "threat-model.zh-CN.md"


def _rows(page: Path) -> list[list[str]]:
    lines = page.read_text(encoding="utf-8").splitlines()
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")
    ]
    return [row for row in rows if row[0] not in ("threat", "威胁")]


def test_every_line_names_tests_that_exist() -> None:
    rows = _rows(PAGE)
    assert rows
    for threat, _, tests in rows:
        named = re.findall(r"`(tests/[^:`]+)::(\w+)`", tests)
        assert named, f"no test is named for {threat!r}"
        for file, test in named:
            assert (ROOT / file).is_file(), file
            source = (ROOT / file).read_text(encoding="utf-8")
            assert re.search(rf"^(async )?def {test}\(", source, re.MULTILINE), f"{file} has no {test}"


@pytest.mark.parametrize("heading", ["^## ", r"^\| "])
def test_the_chinese_page_has_the_same_lines(heading: str) -> None:
    english, chinese = (
        len(re.findall(heading, page.read_text(encoding="utf-8"), re.MULTILINE)) for page in (PAGE, CHINESE)
    )
    assert english == chinese
