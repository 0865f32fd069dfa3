"""What pictures show. Each scene draws one and returns the questions that can be asked about it."""

from __future__ import annotations

from collections.abc import Callable

from nano.dice import Dice
from nano.scenes.blank import blank_scene
from nano.scenes.card import card_scene
from nano.scenes.chart import chart_scene
from nano.scenes.picture import Picture
from nano.scenes.receipt import receipt_scene
from nano.scenes.shapes import shapes_scene
from nano.scenes.table import table_scene
from nano.scenes.tag import tag_scene
from nano.scenes.text import text_scene

Draw = Callable[[Dice, int, int], Picture]

#: Name: (how it is drawn, how often in a hundred or so).
SCENES: dict[str, tuple[Draw, int]] = {
    "text": (text_scene, 31),
    "shapes": (shapes_scene, 20),
    "table": (table_scene, 11),
    "chart": (chart_scene, 10),
    "card": (card_scene, 15),
    "tag": (tag_scene, 5),
    "receipt": (receipt_scene, 7),
    "blank": (blank_scene, 3),
}
