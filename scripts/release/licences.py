"""Whether every component of a CycloneDX document may be shipped with, or used by, an Apache-2.0 program.

    python scripts/release/licences.py SBOM.json…

Prints what may not, or what says nothing; exit code 1 if there is any. Which licences go together:
https://www.apache.org/legal/resolved.html (categories A and B).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

#: Category A: may be included.
PERMISSIVE: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "HPND",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "Zlib",
    }
)
#: Category B: unchanged files under their own licence. certifi's list and tqdm are used, not altered.
WEAK_COPYLEFT: Final = frozenset({"EPL-2.0", "MPL-2.0"})
#: Trove classifiers, which some packages have in place of an SPDX expression.
CLASSIFIERS: Final = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
#: Packages whose metadata says nothing; what stands in their licence file.
BY_HAND: Final = {"khroma": "MIT"}


def complaints(document: dict[str, Any]) -> list[str]:
    if document.get("bomFormat") != "CycloneDX" or not document.get("components"):
        return ["no CycloneDX document with components"]
    found = []
    for component in document["components"]:
        said = _said(component)
        if not said and component["name"] in BY_HAND:
            said = [BY_HAND[component["name"]]]
        if component["name"] == "huiyan":
            continue
        if not said:
            found.append(f"{component['name']} {component.get('version', '')}: no licence is named")
        # A package that names several as a list means that each holds.
        elif not all(allowed(each) for each in said):
            found.append(f"{component['name']} {component.get('version', '')}: {', '.join(said)}")
    return found


def allowed(expression: str) -> bool:
    """An SPDX expression, or a classifier: whether a choice that it leaves is allowed.

    `AND` binds closer than `OR`; parentheses as usual. An exception (`WITH`) only adds permissions.
    """
    words = re.findall(r"[()]|[^\s()]+", CLASSIFIERS.get(expression, expression))
    verdict, rest = _either(words)
    return verdict and not rest


def _either(words: list[str]) -> tuple[bool, list[str]]:
    verdict, rest = _both(words)
    while rest[:1] == ["OR"]:
        other, rest = _both(rest[1:])
        verdict = verdict or other
    return verdict, rest


def _both(words: list[str]) -> tuple[bool, list[str]]:
    verdict, rest = _one(words)
    while rest[:1] == ["AND"]:
        other, rest = _one(rest[1:])
        verdict = verdict and other
    return verdict, rest


def _one(words: list[str]) -> tuple[bool, list[str]]:
    if not words:
        return False, words
    if words[0] == "(":
        verdict, rest = _either(words[1:])
        return (verdict, rest[1:]) if rest[:1] == [")"] else (False, rest)
    rest = words[3:] if words[1:2] == ["WITH"] else words[1:]
    return words[0] in PERMISSIVE | WEAK_COPYLEFT, rest


def _said(component: dict[str, Any]) -> list[str]:
    """Expressions and ids; names that are no more than a heading of what an id says are left out."""
    entries = component.get("licenses", [])
    precise = [
        found for each in entries if (found := each.get("expression") or each.get("license", {}).get("id"))
    ]
    return precise or [each["license"]["name"] for each in entries if each.get("license", {}).get("name")]


def main(words: list[str]) -> int:
    status = 0
    for word in words:
        document = json.loads(Path(word).read_text("utf-8"))
        found = complaints(document)
        for complaint in found:
            print(f"{word}: {complaint}")
            status = 1
        if not found:
            print(f"{word}: {len(document['components'])} components, all of them compatible with Apache-2.0")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
