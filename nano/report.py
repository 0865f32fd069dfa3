"""Add result files of `nano.accuracy` up into one Markdown table.

python -m nano.report RESULT.json…
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path


def table(results: list[Path]) -> str:
    totals: dict[str, Counter[str]] = {}
    for path in results:
        for name, counts in json.loads(path.read_text(encoding="utf-8"))["groups"].items():
            totals.setdefault(name, Counter()).update(counts)
    head = "| task | n | exact answer | characters right | boxes |\n| --- | --- | --- | --- | --- |"
    return "\n".join([head, *(_row(name, counts) for name, counts in totals.items())])


def _row(name: str, counts: Counter[str]) -> str:
    """Answers with boxes are measured by their overlap alone."""
    n, boxes = max(1, counts["n"]), counts["boxes"]
    if boxes:
        overlap = (
            f"mean IoU {counts['iou_thousandths'] / boxes / 1000:.2f}; "
            f"IoU>=0.5 {counts['iou50'] / boxes:.0%}; IoU>=0.75 {counts['iou75'] / boxes:.0%} "
            f"(of {boxes}); valid JSON {counts['parsed'] / n:.0%}"
        )
        return f"| {name} | {counts['n']} | - | - | {overlap} |"
    right = 1 - counts["edits"] / max(1, counts["chars"])
    return f"| {name} | {counts['n']} | {counts['exact'] / n:.1%} | {right:.1%} |  |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="+")
    print(table(parser.parse_args().results))


if __name__ == "__main__":
    main()
