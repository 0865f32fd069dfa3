"""The characters that the model reads and writes."""

from __future__ import annotations

ASCII = "".join(chr(code) for code in range(33, 127))
PUNCTUATION = "，。、：；！？（）《》“”￥¥×·【】℃"


def _gb2312_level_1() -> str:
    """The 3,755 common characters, in the order of the standard (by pronunciation)."""
    characters = []
    for row in range(0xB0, 0xD8):
        for cell in range(0xA1, 0xFF):
            try:
                characters.append(bytes([row, cell]).decode("gb2312"))
            except UnicodeDecodeError:
                continue  # the last row is not full
    return "".join(characters)


HANZI = _gb2312_level_1()

#: Classes of the auxiliary head that names the character in each patch; 0 is "none here".
CHARACTER_CLASS = {character: index + 1 for index, character in enumerate(ASCII + PUNCTUATION + HANZI)}
CLASS_COUNT = len(CHARACTER_CLASS) + 1
