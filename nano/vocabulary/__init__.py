"""What is drawn, asked and answered, in words: the TOML files beside this one.

The order of every list matters: seeds pick by position, so a word put in the middle changes
all samples.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypedDict

Language = Literal["zh", "en"]
ByLanguage = dict[Language, list[str]]
TextByLanguage = dict[Language, str]


class Product(TypedDict):
    """icon: what `scenes.icon` draws. sell: a selling line without its full stop."""

    zh: str
    en: str
    icon: str
    sell: str
    sell_en: str


# Any: TOML; the names below give each table its type.
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


_words = _read("words")
_answers = _read("answers")
_chat = _read("chat")

GOODS: ByLanguage = _words["goods"]
NOUNS: ByLanguage = {
    "zh": _words["goods"]["zh"] + _words["other_nouns"]["zh"],
    "en": _words["goods"]["en"] + _words["other_nouns"]["en"],
}
MONTHS: ByLanguage = _words["months"]
BRANDS: ByLanguage = _words["brands"]
ADJECTIVES: ByLanguage = _words["adjectives"]
CHART_TITLES: ByLanguage = _words["chart_titles"]
TABLE_HEADS: dict[Language, dict[str, list[str]]] = _words["table_heads"]
TABLE_WORDS: ByLanguage = _words["table_words"]
TAG_EXTRAS: ByLanguage = _words["tag_extras"]
PRODUCTS: list[Product] = _read("products")["products"]

#: English name to Chinese.
COLOR_NAMES: dict[str, str] = _answers["colors"]
SHAPE_NAMES: dict[str, str] = _answers["shapes"]
SHAPES = list(SHAPE_NAMES)
PLACES: ByLanguage = _answers["places"]
LINES: ByLanguage = _answers["lines"]
NO_TEXT: TextByLanguage = _answers["no_text"]
NO_PRICE: TextByLanguage = _answers["no_price"]
#: Keys: blank, noise, unknown.
NOTHING: dict[str, TextByLanguage] = _answers["nothing"]
ICON_NAMES: dict[Language, dict[str, str]] = _answers["icons"]

QUESTIONS: dict[str, ByLanguage] = _read("questions")

#: Keys: hello, who, can, thanks, bye.
SAID: dict[str, ByLanguage] = _chat["said"]
#: The same, and other.
ANSWERED: dict[str, TextByLanguage] = _chat["answered"]
OTHER: ByLanguage = _chat["other"]
SYSTEM_PROMPTS: list[str] = _chat["system"]["prompts"]
PREFIXES: ByLanguage = _chat["prefixes"]
SUFFIXES: ByLanguage = _chat["suffixes"]


def all_texts() -> Iterator[str]:
    """Every string of the vocabulary, for learning the tokenizer's merges."""
    yield from SHAPES
    yield from _strings([_words, _answers, PRODUCTS, QUESTIONS, _chat])


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
