"""Learning merges, and measuring answers."""

from __future__ import annotations

import pytest

from nano.bpe import byte_characters, learn_merges
from nano.scoring import best_overlaps, edit_distance, overlap, parse_boxes


def test_commonest_pair_is_merged_first_and_the_next_builds_on_it() -> None:
    merges = learn_merges({"abc": 5, "abd": 3, "xy": 4}, 3)
    assert merges == [("a", "b"), ("ab", "c"), ("x", "y")]


def test_pairs_met_once_are_not_merged() -> None:
    assert learn_merges({"ab": 1}, 10) == []


def test_bytes_map_to_distinct_printable_characters() -> None:
    table = byte_characters()
    assert len(set(table.values())) == 256
    assert table[ord("A")] == "A"
    assert table[ord(" ")] == "Ġ"


@pytest.mark.parametrize(
    ("a", "b", "distance"), [("", "", 0), ("abc", "", 3), ("图片", "图像", 1), ("kitten", "sitting", 3)]
)
def test_edit_distance(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == distance


def test_overlap_of_boxes() -> None:
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (20, 20, 30, 30)) == 0


def test_each_given_box_is_used_once() -> None:
    box = [0.0, 0.0, 10.0, 10.0]
    assert best_overlaps([("a", box), ("a", box)], [("a", box)]) == [1, 0]
    assert best_overlaps([("a", box)], [("b", box)]) == [0]
    assert best_overlaps([("a", box)], None) == [0]


@pytest.mark.parametrize("answer", ["no boxes", "[1]", '[{"label": "a"}]', "12"])
def test_what_is_no_boxes(answer: str) -> None:
    assert parse_boxes(answer) is None
