"""The wheel of this checkout: what is in it, and its first answer in an empty environment.

The source archive is looked into as well; `just release-check` builds the wheel from it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scripts.release import contents, licences
from scripts.release.first_answer import first_answer
from tests.deploy.conftest import ROOT, Tool

pytestmark = pytest.mark.slow


class Built(NamedTuple):
    wheel: Path
    sdist: Path


def run(*words: str | Path) -> None:
    done = subprocess.run(list(words), cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """By the locked backend of this environment; the page is built anew only if its sources changed."""
    folder = tmp_path_factory.mktemp("dist")
    run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--target",
        "sdist",
        "--directory",
        folder,
    )
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return Built(wheel, sdist)


@pytest.fixture(scope="module")
def empty(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with what the lock names and the wheel, and nothing else. Returns its python."""
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert uv is not None, "uv is a dependency of huiyan"
    folder = tmp_path_factory.mktemp("empty") / "venv"
    python = folder / "bin" / "python"
    run(uv, "venv", "--python", sys.executable, folder)
    lock = ROOT / "requirements.lock"
    run(uv, "pip", "install", "--python", python, "--require-hashes", "--requirements", lock)
    run(uv, "pip", "install", "--python", python, "--no-index", "--no-deps", built.wheel)
    return python


def test_the_wheel_holds_what_it_has_to(built: Built) -> None:
    assert contents.complaints_of_wheel(built.wheel) == []


def test_the_source_archive_holds_what_it_has_to(built: Built) -> None:
    assert contents.complaints_of_sdist(built.sdist) == []


def test_it_starts_and_answers_in_an_empty_environment(empty: Path, tmp_path: Path) -> None:
    said, _took_s = first_answer(empty.with_name("huiyan"), tmp_path)
    assert said.strip()
    # All of it lies where the empty HOME is.
    assert (tmp_path / ".local" / "share" / "huiyan").is_dir() or sys.platform != "linux"


def test_every_component_is_compatible(empty: Path, tool: Tool, tmp_path: Path) -> None:
    path = tmp_path / "sbom.json"
    words = ["--output-reproducible", "--output-format", "JSON", "--output-file", path]
    done = tool("cyclonedx-py", "environment", *words, empty)
    assert done.returncode == 0, done.stderr
    document = json.loads(path.read_text("utf-8"))
    assert licences.complaints(document) == []
    named = {component["name"].lower() for component in document["components"]}
    assert {"huiyan", "starlette", "xllamacpp"} <= named


def damaged(built: Built, tmp_path: Path, name: str, data: bytes | None) -> Path:
    """The wheel with one file replaced, added or (None) left out."""
    path = tmp_path / built.wheel.name
    with zipfile.ZipFile(built.wheel) as old, zipfile.ZipFile(path, "w") as new:
        for each in old.namelist():
            if each != name:
                new.writestr(each, old.read(each))
        if data is not None:
            new.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("huiyan/static/index.html", None, "missing: huiyan/static/index.html"),
        ("huiyan/nano/nano.gguf", b"other", "another digest than recorded"),
        ("huiyan/static/node_modules/x.js", b"", "unwanted"),
        ("tests/test_x.py", b"", "outside of the package"),
        ("huiyan/store/test_blobs.py", b"", "a test"),
        ("huiyan/secrets/admin-key", b"x", "unwanted"),
    ],
)
def test_a_damaged_wheel_is_noticed(
    built: Built, tmp_path: Path, name: str, data: bytes | None, said: str
) -> None:
    if data is None:
        with pytest.raises(KeyError):
            contents.complaints_of_wheel(damaged(built, tmp_path, name, data))
        with zipfile.ZipFile(damaged(built, tmp_path, name, data)) as archive:
            assert said in contents._missing(archive.namelist(), contents.IN_WHEEL)
    else:
        assert any(
            said in each for each in contents.complaints_of_wheel(damaged(built, tmp_path, name, data))
        )


def test_a_page_in_the_source_archive_is_noticed(built: Built, tmp_path: Path) -> None:
    path = tmp_path / built.sdist.name
    top = built.sdist.name.removesuffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        for name in (*contents.IN_SDIST, "src/huiyan/static/index.html", "web/node_modules/x.js"):
            archive.addfile(tarfile.TarInfo(f"{top}/{name}"))
    found = contents.complaints_of_sdist(path)
    assert len(found) == 2
    assert "a built page" in found[1]


def component(name: str, *licence: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1", "licenses": list(licence)}


@pytest.mark.parametrize(
    ("expression", "fine"),
    [
        ("MIT", True),
        ("(MPL-2.0 OR Apache-2.0)", True),
        ("EPL-2.0 OR GPL-3.0-or-later", True),
        ("GPL-3.0-or-later", False),
        ("MIT AND GPL-2.0-only", False),
        ("MIT AND (GPL-2.0-only OR BSD-3-Clause)", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("AGPL-3.0-only OR Proprietary", False),
        ("MIT OR", True),
        ("MIT MIT", False),
        ("(MIT", False),
        ("", False),
    ],
)
def test_licence_expressions(expression: str, fine: bool) -> None:
    assert licences.allowed(expression) is fine


def test_a_component_without_or_with_a_foreign_licence_is_named() -> None:
    document = {
        "bomFormat": "CycloneDX",
        "components": [
            component("fine", {"license": {"id": "MIT"}}),
            component("silent"),
            component("khroma"),
            component("foreign", {"license": {"id": "GPL-3.0-only"}}),
        ],
    }
    assert [each.split()[0] for each in licences.complaints(document)] == ["silent", "foreign"]
    assert licences.complaints({"components": []})
