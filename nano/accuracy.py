"""Accuracy on new samples, through the HTTP API of a server.

    python -m nano.accuracy http://127.0.0.1:PORT --assets ASSETS --per 100 --seed 77 --out RESULT.json

Samples are drawn with seeds that no training stream has. Greedy answers to the first turn alone.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from PIL import Image

from nano.assets import Assets
from nano.client import chat, text_of
from nano.conversation import BUCKETS, PAIR_BUCKETS, UNLUCKY, draw_conversation
from nano.dice import Dice
from nano.scoring import best_overlaps, edit_distance, parse_boxes
from nano.turns import Turn


class Group(NamedTuple):
    """Tasks that are counted together. scene: None for any."""

    scene: str | None
    image_count: int
    tasks: frozenset[str]


def _group(scene: str | None, image_count: int, *tasks: str) -> Group:
    return Group(scene, image_count, frozenset(tasks))


GROUPS = {
    "ocr": _group("text", 1, "ocr"),
    "ocr_line": _group("text", 1, "ocr_line", "count_lines"),
    "ground_text": _group("text", 1, "ground_text"),
    "shapes_describe": _group("shapes", 1, "describe_shapes"),
    "shapes_qa": _group("shapes", 1, "count", "color", "shape", "position", "exist"),
    "shapes_ground": _group("shapes", 1, "ground"),
    "table_markdown": _group("table", 1, "table"),
    "table_qa": _group("table", 1, "cell", "table_size"),
    "chart_values": _group("chart", 1, "chart_values"),
    "chart_qa": _group("chart", 1, "chart_max", "chart_min", "chart_lookup", "chart_count"),
    "card_json": _group("card", 1, "card_json"),
    "card_copy": _group("card", 1, "copy"),
    "card_qa": _group("card", 1, "price", "name", "spec", "picture"),
    "price_tag": _group("tag", 1, "price", "tag_json", "name"),
    "receipt": _group("receipt", 1, "receipt_total", "receipt_items", "receipt_json"),
    "describe_any": _group(None, 1, "describe", "describe_shapes"),
    "nothing_there": _group("blank", 1, "no_text", "blank"),
    "two_images": _group(None, 2, "compare", "cheaper", "one_of_two"),
    "chat": _group(None, 0, "chat"),
}


def draw(dice: Dice, group: Group) -> tuple[list[Image.Image], Turn]:
    """Draw until a sample has a question of the group."""
    rng = dice.rng
    while True:
        bucket = (
            rng.choice(PAIR_BUCKETS if group.image_count == 2 else BUCKETS) if group.image_count else None
        )
        turn_count = 8 if group.image_count else 1
        try:
            drawn = draw_conversation(
                dice, group.image_count, bucket, scene=group.scene, turn_count=turn_count
            )
        except UNLUCKY:
            continue
        fitting = [turn for turn in drawn.turns if turn.task in group.tasks]
        if fitting:
            return drawn.images, rng.choice(fitting)


def score(turn: Turn, given: str) -> Counter[str]:
    """Counts that are added up over a group."""
    wanted = turn.answer
    counts: Counter[str] = Counter(n=1, chars=len(wanted))
    counts["exact"] = int(given.strip() == wanted.strip())
    counts["edits"] = min(edit_distance(given, wanted), len(wanted))
    boxes = parse_boxes(wanted)
    if boxes is not None and "ground" in turn.task:
        given_boxes = parse_boxes(given)
        overlaps = best_overlaps(boxes, given_boxes)
        counts["boxes"] = len(overlaps)
        counts["iou_thousandths"] = round(1000 * sum(overlaps))
        counts["iou50"] = sum(value >= 0.5 for value in overlaps)
        counts["iou75"] = sum(value >= 0.75 for value in overlaps)
        counts["parsed"] = int(given_boxes is not None)
    if turn.task == "copy":
        counts["facts"] = int(_keeps_facts(wanted, given))
    return counts


def _keeps_facts(wanted: str, given: str) -> bool:
    """Are the price and the beginning of the name in the copy?"""
    price = re.search(r"[¥$][\d.]*\d|[\d.]+元", wanted)
    name = re.split("[，：:、]", wanted.replace("Meet the ", ""))[0][:4]
    return price is not None and price.group(0) in given and name in given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--assets", type=Path, required=True)
    parser.add_argument("--per", type=int, default=100, help="samples of each group")
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--show", type=int, default=0, help="print so many wrong answers")
    parser.add_argument("--seconds", type=float, default=float(sys.maxsize))
    arguments = parser.parse_args()
    assets, begin = Assets(arguments.assets), time.monotonic()
    names = arguments.groups.split(",")
    dice = {name: Dice(Random(f"held-out {arguments.seed} {name}"), assets) for name in names}
    results: dict[str, Counter[str]] = {name: Counter() for name in names}
    wrong: list[tuple[str, str, str, str]] = []
    for name in (name for _ in range(arguments.per) for name in names):
        if time.monotonic() - begin > arguments.seconds:
            break
        images, turn = draw(dice[name], GROUPS[name])
        asked_at = time.monotonic()
        answer = chat(arguments.base_url, images, turn.question, 400)
        given = text_of(answer)
        results[name] += score(turn, given) + _cost(answer, time.monotonic() - asked_at)
        if given.strip() != turn.answer.strip():
            wrong.append((name, turn.question, turn.answer, given))
            if len(wrong) <= arguments.show:
                print(f"[{name}] {turn.question}\n   want {turn.answer!r}\n   got  {given!r}", flush=True)
    for name, counts in results.items():
        print(_line(name, counts))
    tokens = sum(counts["gen_tokens"] for counts in results.values())
    milliseconds = sum(counts["gen_ms"] for counts in results.values())
    print(f"generation {tokens / max(1, milliseconds) * 1000:.0f} tokens/s")
    if arguments.out:
        report = json.dumps({"groups": results, "wrong": wrong}, ensure_ascii=False, indent=0)
        arguments.out.write_text(report, encoding="utf-8")


# Any: the server's JSON; `timings` is llama.cpp's.
def _cost(answer: dict[str, Any], took_s: float) -> Counter[str]:
    timings = answer.get("timings", {})
    return Counter(
        gen_tokens=int(timings.get("predicted_n", 0)),
        gen_ms=round(timings.get("predicted_ms", 0)),
        request_ms=round(took_s * 1000),
    )


def _line(name: str, counts: Counter[str]) -> str:
    n = max(1, counts["n"])
    text = f"{name:16s} n {counts['n']:4d}  exact {counts['exact'] / n:6.1%}"
    text += f"  characters {1 - counts['edits'] / max(1, counts['chars']):6.1%}"
    if boxes := counts["boxes"]:
        text += (
            f"  mean IoU {counts['iou_thousandths'] / boxes / 1000:.2f}"
            f"  IoU>=.5 {counts['iou50'] / boxes:.1%}  IoU>=.75 {counts['iou75'] / boxes:.1%}"
            f"  valid JSON {counts['parsed'] / n:.1%}"
        )
    return text + f"  {counts['request_ms'] / n / 1000:.2f} s/request"


if __name__ == "__main__":
    main()
