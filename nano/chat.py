"""Conversations without a picture: greetings, and questions that this model cannot answer."""

from __future__ import annotations

from nano.dice import Dice
from nano.turns import Turn
from nano.vocabulary import ANSWERED, OTHER, SAID, Language


def chat_turn(dice: Dice) -> Turn:
    rng = dice.rng
    language: Language = "zh" if rng.random() < 0.55 else "en"
    said = _kind(rng.random())
    if said != "other":
        return Turn("chat", language, rng.choice(SAID[said][language]), ANSWERED[said][language])
    template = rng.choice(OTHER[language])
    asked = template.format(
        x=dice.word(language), y=dice.word(language), n=rng.randint(1, 999), m=rng.randint(1, 99)
    )
    if rng.random() < 0.15:
        asked = dice.phrase(language, dice.face(language), 20, rng.choice([100, 250, 500]))
    return Turn("chat", language, asked, ANSWERED["other"][language])


def _kind(draw: float) -> str:
    for kind, below in (("hello", 0.2), ("who", 0.38), ("can", 0.54), ("thanks", 0.64), ("bye", 0.7)):
        if draw < below:
            return kind
    return "other"
