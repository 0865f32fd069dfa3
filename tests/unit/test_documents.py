"""Every relative link and picture of the Markdown pages leads somewhere, and every anchor to a heading."""

from __future__ import annotations

import re
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^(?P<mark>`{3,}|~{3,}).*?^(?P=mark)[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)")
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?(?P<to>[^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_HTML = re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\"(?P<to>[^\"]+)\"")
_DEFINITION = re.compile(r"^\[[^\]]+\]:\s+<?(?P<to>[^\s>]+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*#*\s*$", re.MULTILINE)
_NAMED = re.compile(r"<a\b[^>]*\b(?:id|name)=\"([^\"]+)\"")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def pages() -> list[Path]:
    """The Markdown files that belong to the tree; in an unpacked archive without git, all of its folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    if listed.returncode == 0 and listed.stdout:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [
            *ROOT.glob("*.md"),
            *(p for d in ("docs", "nano", "web", "bench") for p in (ROOT / d).glob("**/*.md")),
        ]
    return sorted(path for path in found if path.is_file() and "node_modules" not in path.parts)


def without_code(text: str) -> str:
    """The text with nothing in it that is shown as it stands."""
    return _CODE.sub("", _FENCE.sub("", text))


def links(text: str) -> Iterator[str]:
    plain = without_code(text)
    for pattern in (_LINK, _HTML, _DEFINITION):
        for found in pattern.finditer(plain):
            yield found["to"]


def anchors(text: str) -> set[str]:
    """The fragments of a page, as GitHub makes them: lower case, hyphens, -1 and -2 for repeats."""
    made: set[str] = set()
    for found in _HEADING.finditer(_FENCE.sub("", text)):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", found["text"]).replace("`", "").strip().lower()
        kept = "".join(
            char for char in words if char in " -_" or unicodedata.category(char)[0] in "LNM"
        ).replace(" ", "-")
        name, count = kept, 0
        while name in made:
            count += 1
            name = f"{kept}-{count}"
        made.add(name)
    return made | set(_NAMED.findall(text))


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def broken(page: Path) -> list[str]:
    """What this page points at and what is not there."""
    wrong: list[str] = []
    for link in links(page.read_text(encoding="utf-8")):
        if _SCHEME.match(link) or link.startswith("//"):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        if not target.exists():
            wrong.append(f"{link}: no such file")
        elif fragment and target.suffix == ".md" and unquote(fragment) not in anchors(_text(target)):
            wrong.append(f"{link}: no such heading")
    return wrong


@pytest.mark.parametrize("page", [pytest.param(p, id=str(p.relative_to(ROOT))) for p in pages()])
def test_relative_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One `two`, three\n## 中文 标题\n[a](#one-two-three) [b](#中文-标题) [c](page.md#gone) "
        "![d](no.png)\n"
        '`[e](code.md)`\n```\n[f](fence.md)\n```\n<img src="lost.webp"> [g](https://example.com/x)\n',
        encoding="utf-8",
    )
    assert broken(page) == [
        "page.md#gone: no such heading",
        "no.png: no such file",
        "lost.webp: no such file",
    ]


def _index(name: str) -> set[str]:
    page = ROOT / "docs" / name
    return {
        link.partition("#")[0] for link in links(page.read_text(encoding="utf-8")) if not _SCHEME.match(link)
    }


def test_every_page_of_the_documentation_is_in_its_list() -> None:
    listed = _index("README.md")
    docs = ROOT / "docs"
    missing = [
        name
        for path in pages()
        if path.is_relative_to(docs)
        and path.name != "README.md"
        and (name := path.relative_to(docs).as_posix()) not in listed
        and name.split("/")[0] != "decisions"
    ]
    assert missing == []
