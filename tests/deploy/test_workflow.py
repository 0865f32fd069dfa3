""".github/workflows: valid, nothing that an outsider could use, actions pinned by commit."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import ROOT, Tool

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


def test_there_is_one_for_releases() -> None:
    assert "release.yml" in {path.name for path in WORKFLOWS}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_it_is_valid(tool: Tool, path: Path) -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_an_auditor_finds_nothing(tool: Tool, path: Path) -> None:
    done = tool("zizmor", "--offline", "--persona", "auditor", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_auditor_would_find_something(tool: Tool, tmp_path: Path) -> None:
    wrong = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    path = folder / "release.yml"
    path.write_text(re.sub(r"checkout@\w+", "checkout@main", wrong), "utf-8")
    assert tool("zizmor", "--offline", path).returncode != 0


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_rights_are_few(path: Path) -> None:
    text = path.read_text("utf-8")
    for line in text.splitlines():
        if "uses:" in line:
            assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line
    found = read(path)
    assert found["permissions"] == {}
    for job in found["jobs"].values():
        assert "permissions" in job
        assert job["timeout-minutes"] <= 60


def test_it_does_what_the_recipe_does() -> None:
    words = [
        step["run"] for job in read(WORKFLOWS[0])["jobs"].values() for step in job["steps"] if "run" in step
    ]
    assert any("scripts/release_check.sh dist/release" in each for each in words)
    recipe = (ROOT / "justfile").read_text("utf-8")
    assert "scripts/release_check.sh" in recipe
    subprocess.run(["bash", "-n", ROOT / "scripts" / "release_check.sh"], check=True)
