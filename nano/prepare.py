"""Make the assets once: small fonts and word lists.

    python -m nano.prepare ASSETS --zh-dict jieba/dict.txt --en-dict /usr/share/dict/american-english

Fonts come from Debian's packages (README.md names them) and are cut down to the characters that
the model knows, which makes them quick to load. The word lists only feed the random texts.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from nano.charset import ASCII, HANZI, PUNCTUATION

#: (file below the font folder, number of the face in it)
CJK_FONTS = [
    ("wqy/wqy-zenhei.ttc", 0),
    ("wqy/wqy-microhei.ttc", 0),
    ("droid/DroidSansFallbackFull.ttf", 0),
    ("arphic/uming.ttc", 0),
    ("arphic/ukai.ttc", 0),
]
LATIN_FONTS = [
    "dejavu/DejaVuSans.ttf",
    "dejavu/DejaVuSans-Bold.ttf",
    "dejavu/DejaVuSerif.ttf",
    "dejavu/DejaVuSansMono.ttf",
    "liberation/LiberationSans-Regular.ttf",
    "liberation/LiberationSans-Bold.ttf",
    "liberation/LiberationSans-Italic.ttf",
    "liberation/LiberationSerif-Regular.ttf",
    "liberation/LiberationSerif-Bold.ttf",
    "liberation/LiberationMono-Regular.ttf",
    "freefont/FreeSans.ttf",
    "freefont/FreeSerif.ttf",
    "lato/Lato-Regular.ttf",
    "lato/Lato-Bold.ttf",
    "open-sans/OpenSans-Regular.ttf",
    "open-sans/OpenSans-Semibold.ttf",
    "roboto/unhinted/RobotoTTF/Roboto-Regular.ttf",
    "roboto/unhinted/RobotoTTF/Roboto-Bold.ttf",
    "roboto/unhinted/RobotoCondensed-Regular.ttf",
]
_DROPPED_TABLES = ["EBDT", "EBLC", "EBSC", "GPOS", "GSUB", "GDEF", "kern", "vhea", "vmtx", "DSIG", "FFTM"]
_MOST_ZH_WORDS = 50_000


def subset_font(path: Path, face: int, characters: str, out: Path) -> None:
    """Write the face with these characters alone, without hinting or layout features."""
    from fontTools import subset

    options = subset.Options()
    options.font_number = face
    options.hinting = False
    options.layout_features = []
    options.drop_tables += _DROPPED_TABLES
    options.notdef_outline = True
    loaded = subset.load_font(str(path), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=characters)
    subsetter.subset(loaded)
    missing = [character for character in characters if ord(character) not in loaded.getBestCmap()]
    subset.save_font(loaded, str(out), options)
    print(out.name, out.stat().st_size // 1024, "KiB, missing", len(missing), "".join(missing)[:60])


def zh_words(dictionary: Path) -> list[str]:
    """Words of two to four known characters, the commonest first. dictionary: `word count …` lines."""
    known = set(HANZI)
    words: list[tuple[int, str]] = []
    for line in dictionary.read_text(encoding="utf-8").splitlines():
        word, count = line.split()[:2]
        if 2 <= len(word) <= 4 and all(character in known for character in word):
            words.append((int(count), word))
    words.sort(reverse=True)
    return [word for _, word in words[:_MOST_ZH_WORDS]]


def en_words(dictionary: Path) -> list[str]:
    """Words of two to ten letters without accents or apostrophes."""
    words = (line.strip() for line in dictionary.read_text(encoding="utf-8").splitlines())
    return [word for word in words if re.fullmatch(r"[A-Za-z][a-z]{1,9}", word)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts/truetype"))
    parser.add_argument("--zh-dict", type=Path, required=True)
    parser.add_argument("--en-dict", type=Path, required=True)
    arguments = parser.parse_args()
    fonts = arguments.out / "fonts"
    fonts.mkdir(parents=True, exist_ok=True)
    for name, face in CJK_FONTS:
        path = arguments.fonts / name
        subset_font(path, face, " " + ASCII + PUNCTUATION + HANZI, fonts / f"cjk-{path.stem}.ttf")
    for name in LATIN_FONTS:
        path = arguments.fonts / name
        subset_font(path, 0, " " + ASCII + "¥", fonts / f"lat-{path.stem}.ttf")
    zh, en = zh_words(arguments.zh_dict), en_words(arguments.en_dict)
    (arguments.out / "zh.txt").write_text("\n".join(zh), encoding="utf-8")
    (arguments.out / "en.txt").write_text("\n".join(en), encoding="utf-8")
    print(len(zh), "Chinese words,", len(en), "English words")


if __name__ == "__main__":
    main()
