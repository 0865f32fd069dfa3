"""Ask a server the questions of expected.json, and note its answers there.

python -m nano.check_samples http://127.0.0.1:PORT tests/data/sample_images
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from PIL import Image

from nano.client import chat, text_of
from nano.scoring import best_overlaps, parse_boxes

_NEAR_ENOUGH = 0.75


def is_right(wanted: str, given: str) -> bool:
    """Equal, or all boxes near enough."""
    boxes = parse_boxes(wanted)
    return given == wanted or (
        bool(boxes) and boxes is not None and min(best_overlaps(boxes, parse_boxes(given))) > _NEAR_ENOUGH
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    path = arguments.folder / "expected.json"
    items = json.loads(path.read_text(encoding="utf-8"))
    right = 0
    for item in items:
        images = [Image.open(arguments.folder / name) for name in item["images"]]
        given, wanted = text_of(chat(arguments.base_url, images, item["question"])), item["expected"]
        item["model_answer"] = given
        if is_right(wanted, given):
            right += 1
            print("ok  ", item["images"], item["question"])
        else:
            print("DIFF", item["images"], item["question"], f"\n     want {wanted!r}\n     got  {given!r}")
    print(f"{right}/{len(items)}")
    path.write_text(json.dumps(items, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0 if right == len(items) else 1


if __name__ == "__main__":
    raise SystemExit(main())
