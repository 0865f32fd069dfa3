"""One sample: pictures and the turns of a conversation about them."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from PIL import Image

from nano.canvas import CharacterAt
from nano.charset import CHARACTER_CLASS
from nano.chat import chat_turn
from nano.dice import Dice
from nano.scenes import SCENES
from nano.scenes.pair import pair_scene
from nano.turns import Turn, vary

#: Width and height in visual tokens; a token is a square of this many pixels.
Bucket = tuple[int, int]
TOKEN_PX = 32
PATCH_PX = 16

#: Sizes of single pictures: 64 to 256 tokens.
BUCKETS: list[Bucket] = [
    *[(8, 8), (10, 8), (8, 10), (10, 10), (12, 10), (12, 9), (9, 12), (12, 12), (14, 10), (10, 14), (14, 14)],
    *[
        (16, 12),
        (12, 16),
        (16, 9),
        (9, 16),
        (16, 16),
        (18, 12),
        (12, 18),
        (20, 12),
        (20, 10),
        (16, 6),
        (14, 5),
    ],
]
#: Sizes of pictures that come in pairs.
PAIR_BUCKETS: list[Bucket] = [(8, 8), (10, 8), (8, 10), (10, 10), (12, 9), (9, 12), (12, 12), (10, 6)]

_MOST_ANSWER_CHARACTERS = 260

#: What drawing may raise when a layout does not work out; the caller draws again.
UNLUCKY = (ValueError, IndexError, RecursionError)


class Conversation(NamedTuple):
    """characters: of each picture, where they were drawn."""

    images: list[Image.Image]
    characters: list[list[CharacterAt]]
    turns: list[Turn]


def draw_conversation(
    dice: Dice,
    image_count: int,
    bucket: Bucket | None,
    easy: float = 0.0,
    scene: str | None = None,
    turn_count: int | None = None,
) -> Conversation:
    """Draw one sample.

    image_count: 0, 1 or 2. bucket: size of each picture; None without one. easy: share of plain
    text among single pictures, 0..1. scene: a key of `SCENES`; random unless given.
    turn_count: at most so many turns; random unless given.
    Raises: one of `UNLUCKY`.
    """
    rng = dice.rng
    if image_count == 0 or bucket is None:
        count = rng.choice([1, 1, 2, 3])
        return Conversation([], [], [chat_turn(dice) for _ in range(turn_count or count)])
    width, height = bucket[0] * TOKEN_PX, bucket[1] * TOKEN_PX
    if image_count == 2:
        images, characters, turns = pair_scene(dice, width, height)
    else:
        draw, _ = SCENES[_pick_scene(rng, easy) if scene is None else scene]
        picture = draw(dice, width, height)
        images, characters, turns = [picture.image], [picture.characters], picture.turns
    rng.shuffle(turns)
    picked = _pick_turns(rng, turns, turn_count or rng.choice([1, 2, 2, 3, 3, 4]))
    if turn_count is None and rng.random() < 0.04:
        picked.insert(rng.randint(1, len(picked)), chat_turn(dice))
    return Conversation(images, characters, picked)


def _pick_scene(rng: Random, easy: float) -> str:
    if rng.random() < easy:
        return "text"
    return rng.choices(list(SCENES), [weight for _, weight in SCENES.values()])[0]


def _pick_turns(rng: Random, turns: list[Turn], most: int) -> list[Turn]:
    """Different ones, as long as their answers together are not too long."""
    picked: list[Turn] = []
    length = 0
    for turn in turns:
        known = any(other.task == turn.task and other.answer == turn.answer for other in picked)
        if known and turn.task != "count":
            continue
        if picked and length + len(turn.answer) > _MOST_ANSWER_CHARACTERS:
            continue
        picked.append(vary(rng, turn))
        length += len(turn.answer)
        if len(picked) >= most:
            break
    return picked


def character_targets(
    characters: list[CharacterAt],
    columns: int,
    rows: int,
    rng: Random,
    most: int = 140,
    empty: int = 10,
) -> list[tuple[int, int]]:
    """(patch, class) pairs for the auxiliary head.

    columns, rows: of the patch grid. The patch index counts in the order in which the vision tower
    merges: each token's four patches are neighbours. empty: tries for a patch without a character.
    """
    targets: list[tuple[int, int]] = []
    occupied: set[int] = set()
    for character, x, y in characters:
        column, row = int(x // PATCH_PX), int(y // PATCH_PX)
        if 0 <= column < columns and 0 <= row < rows and character in CHARACTER_CLASS:
            token = (row // 2) * (columns // 2) + column // 2
            patch = token * 4 + (row % 2) * 2 + column % 2
            occupied.add(patch)
            targets.append((patch, CHARACTER_CLASS[character]))
    if len(targets) > most:
        targets = rng.sample(targets, most)
    for _ in range(empty):
        patch = rng.randrange(columns * rows)
        if patch not in occupied:
            targets.append((patch, 0))
    return targets
