"""Random words, numbers and prices."""

from __future__ import annotations

from random import Random

from nano.assets import Assets
from nano.canvas import Face
from nano.charset import HANZI
from nano.vocabulary import NOUNS, Language

_UNITS = ["kg", "g", "ml", "L", "cm", "mm", "GB", "W", "V", "元", "个", "℃"]
_CAPITALS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Dice:
    """One seeded generator with the assets that it picks from. Equal seeds give equal samples."""

    def __init__(self, rng: Random, assets: Assets) -> None:
        self.rng = rng
        self.assets = assets

    def face(self, language: str | None = None) -> Face:
        return Face(self.rng, self.assets, language)

    def word(self, language: Language) -> str:
        return self.zh_word() if language == "zh" else self.en_word()

    def zh_word(self) -> str:
        """Random characters (each gets its turn), a common word, or a noun of the vocabulary."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.35:
            return "".join(rng.choice(HANZI) for _ in range(rng.randint(1, 4)))
        if kind < 0.75:
            return self.common_zh_word()
        return rng.choice(NOUNS["zh"])

    def common_zh_word(self) -> str:
        """From the word list, the common ones more often."""
        words = self.assets.zh_words
        return words[int(len(words) * self.rng.random() ** 2)]

    def en_word(self) -> str:
        """A word of the list or the vocabulary, or random letters; in one of three cases."""
        rng = self.rng
        kind = rng.random()
        word = rng.choice(self.assets.en_words) if kind < 0.6 else rng.choice(NOUNS["en"])
        if kind > 0.93:
            word = "".join(rng.choice(_CAPITALS_AND_DIGITS) for _ in range(rng.randint(3, 7)))
        elif kind > 0.85:
            word = "".join(rng.choice(_LETTERS) for _ in range(rng.randint(2, 7)))
        case = rng.random()
        return word.upper() if case < 0.15 else word.capitalize() if case < 0.4 else word

    def number(self) -> str:  # noqa: PLR0911 (one return for each kind)
        """A date, time, phone number, percentage, price, code, decimal, measure or plain number."""
        rng = self.rng
        draw = rng.randint
        match rng.randint(0, 9):
            case 0:
                return f"{draw(2000, 2030)}-{draw(1, 12):02d}-{draw(1, 28):02d}"
            case 1:
                return f"{draw(0, 23):02d}:{draw(0, 59):02d}"
            case 2:
                return f"1{draw(3, 9)}{draw(0, 999999999):09d}"
            case 3:
                return f"{draw(1, 100)}%"
            case 4:
                return self.price(rng.choice(["zh", "en"]))
            case 5:
                return rng.choice(["No.", "A", "B-", "X", "SN", "#"]) + str(draw(1, 99999))
            case 6:
                return f"{draw(1, 999)}.{draw(0, 99):02d}"
            case 7:
                return f"{draw(1, 999)}{rng.choice(_UNITS)}"
            case _:
                return str(draw(0, 10 ** draw(1, 8)))

    def price(self, language: str, *, small: bool = False) -> str:
        """With its currency. small: below 100."""
        rng = self.rng
        whole = rng.randint(1, 99 if small else rng.choice([99, 999, 9999]))
        cents = rng.choice(["", "", ".9", ".5", ".99", ".00", ".80", f".{rng.randint(0, 99):02d}"])
        amount = f"{whole}{cents}"
        if language == "en":
            return "$" + amount
        return "¥" + amount if rng.random() < 0.75 else amount + "元"

    def phrase(self, language: str, face: Face, size: float, width: float) -> str:
        """One to seven words of one language that fit into `width` pixels at `size`."""
        rng = self.rng
        text = ""
        for _ in range(rng.randint(1, 7)):
            word = self._next_zh_word(text) if language == "zh" else self._next_en_word(text)
            if face.width(text + word, size) > width:
                break
            text += word
        if not text:
            room = max(1, int(width / size))
            if language == "zh":
                text = "".join(rng.choice(HANZI) for _ in range(min(room, 3)))
            else:
                text = str(rng.randint(0, 10 ** min(4, room) - 1))
        return text.strip()

    def _next_zh_word(self, before: str) -> str:
        rng = self.rng
        word = self.number() if rng.random() < 0.1 else self.zh_word()
        if before and rng.random() < 0.12:
            return rng.choice("，。、：！？（）") + word
        if before and rng.random() < 0.08:
            return " " + word
        return word

    def _next_en_word(self, before: str) -> str:
        rng = self.rng
        word = self.number() if rng.random() < 0.12 else self.en_word()
        mark = rng.choice(["", ",", ",", ".", ":", " -", " &", "!"]) if before and rng.random() < 0.15 else ""
        return mark + (" " if before else "") + word
