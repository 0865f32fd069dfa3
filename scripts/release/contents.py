"""What a wheel and a source archive of huiyan have to hold, and must not.

    python scripts/release/contents.py FILE…

Prints one line for each complaint; exit code 1 if there is one.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from email.parser import Parser
from pathlib import Path
from typing import Final

#: The page, nano, the locks of engines, the gateway's chart: without any of them something is missing only
#: where nobody looks before a user does.
IN_WHEEL: Final = (
    "huiyan/static/index.html",
    "huiyan/nano/nano.gguf",
    "huiyan/nano/nano-mmproj.gguf",
    "huiyan/nano/manifest.json",
    "huiyan/engines/locks/vllm-0.25.1.lock",
    "huiyan/hardware/profiles.toml",
    "huiyan/store/catalogue.toml",
    "huiyan/deploy/charts/huiyan-gateway/Chart.yaml",
    "huiyan/deploy/charts/huiyan-gateway/templates/_names.tpl",
    # On purpose: authors of tools test against the scriptable engine and hub.
    "huiyan/testing/fake_engine.py",
    "huiyan/py.typed",
)
IN_SDIST: Final = (
    "PKG-INFO",
    "LICENSE",
    "NOTICE",
    "README.md",
    "hatch_build.py",
    "pyproject.toml",
    "requirements.lock",
    "requirements-build.lock",
    "src/huiyan/__init__.py",
    "web/package.json",
    "web/package-lock.json",
)
#: In neither: what is made, what is for developers' machines, what could be secret.
UNWANTED: Final = re.compile(
    r"(^|/)(node_modules|__pycache__|\.git|\.venv[^/]*|\.env[^/]*|\.DS_Store|secrets|\.static-stamp\.json)(/|$)"
    r"|\.(pyc|pem|key|sqlite|log)$"
)
MOST_WHEEL_BYTES: Final = 60 * 1024 * 1024


def complaints_of_wheel(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        found = _missing(names, IN_WHEEL) + _unwanted(names)
        (info,) = {name.partition("/")[0] for name in names if ".dist-info/" in name}
        outside = [name for name in names if not name.startswith(("huiyan/", f"{info}/"))]
        found += [f"outside of the package: {name}" for name in outside]
        found += [f"a test: {name}" for name in names if re.search(r"(^|/)(tests?/|test_\w+\.py$)", name)]
        found += _missing(names, [f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"])
        if not any(re.fullmatch(r"huiyan/static/assets/.+\.js", name) for name in names):
            found.append("the page has no scripts")
        found += _metadata(archive.read(f"{info}/METADATA").decode(), archive.read(f"{info}/WHEEL").decode())
        if b"huiyan = huiyan.cli:main" not in archive.read(f"{info}/entry_points.txt"):
            found.append("no command named huiyan")
        found += _record(archive, f"{info}/RECORD")
    if path.stat().st_size > MOST_WHEEL_BYTES:
        found.append(f"{path.stat().st_size} bytes are more than {MOST_WHEEL_BYTES}")
    return found


def complaints_of_sdist(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    tops = {member.name.partition("/")[0] for member in members}
    if len(tops) != 1:
        return [f"several folders at the top: {sorted(tops)}"]
    names = [member.name.partition("/")[2] for member in members if member.isfile()]
    found = _missing(names, IN_SDIST) + _unwanted(names)
    # A wheel made from it builds the page; one that came along would be of nobody knows which sources.
    found += [
        f"a built page: {name}" for name in names if name.startswith(("src/huiyan/static/", "web/dist/"))
    ]
    found += [f"no file: {member.name}" for member in members if not (member.isfile() or member.isdir())]
    return found


def _missing(names: Iterable[str], wanted: Iterable[str]) -> list[str]:
    there = set(names)
    return [f"missing: {name}" for name in wanted if name not in there]


def _unwanted(names: Iterable[str]) -> list[str]:
    return [f"unwanted: {name}" for name in names if UNWANTED.search(name)]


def _metadata(metadata: str, wheel: str) -> list[str]:
    read = Parser().parsestr(metadata)
    found = []
    if read["License-Expression"] != "Apache-2.0":
        found.append(f"licence {read['License-Expression']!r}")
    if not read["Requires-Python"]:
        found.append("no Requires-Python")
    if "Tag: py3-none-any" not in wheel:
        found.append("it is bound to a system: no py3-none-any")
    return found


def _record(archive: zipfile.ZipFile, name: str) -> list[str]:
    """Every file's digest is the recorded one, and every file is recorded."""
    rows = {row[0]: row[1] for row in csv.reader(io.StringIO(archive.read(name).decode()))}
    found = [f"not in RECORD: {each}" for each in archive.namelist() if each not in rows]
    for each, recorded in rows.items():
        if each == name:
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(archive.read(each)).digest()).rstrip(b"=").decode()
        if recorded != f"sha256={digest}":
            found.append(f"another digest than recorded: {each}")
    return found


def main(words: list[str]) -> int:
    status = 0
    for word in words:
        path = Path(word)
        found = complaints_of_wheel(path) if path.suffix == ".whl" else complaints_of_sdist(path)
        for complaint in found:
            print(f"{path.name}: {complaint}")
            status = 1
        if not found:
            print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, as it should be")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
