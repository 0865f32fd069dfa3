"""deploy/container: linted, not root, exact bases, packages by hash, nothing else in a layer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from huiyan.engines.install import RECIPES
from tests.deploy.conftest import ROOT, Tool

CONTAINER = ROOT / "deploy" / "container"
DOCKERFILES = ("Dockerfile.cpu", "Dockerfile.cuda")


def instructions(name: str) -> list[tuple[str, str]]:
    """(INSTRUCTION, rest) with continued lines joined."""
    text = (CONTAINER / name).read_text("utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]


def last_stage(name: str) -> list[tuple[str, str]]:
    found = instructions(name)
    begin = max(number for number, (word, _) in enumerate(found) if word == "FROM")
    return found[begin:]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_linter_has_no_complaint(tool: Tool, name: str) -> None:
    done = tool("hadolint", "--failure-threshold", "style", CONTAINER / name)
    assert done.returncode == 0, done.stdout


def test_the_linter_finds_what_is_wrong(tool: Tool, tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM debian:latest\nRUN apt-get install curl\nUSER root\n", "utf-8")
    done = tool("hadolint", "--failure-threshold", "style", path)
    assert done.returncode != 0
    assert "DL3007" in done.stdout


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_runs_is_not_root_and_has_a_health_check(name: str) -> None:
    stage = last_stage(name)
    assert [rest for word, rest in stage if word == "USER"] == ["10001:10001"]
    assert any(word == "HEALTHCHECK" and "health.py" in rest for word, rest in stage)
    assert ("VOLUME", '["/var/lib/huiyan"]') in stage
    assert ("STOPSIGNAL", "SIGTERM") in stage
    assert "entrypoint" in {word.lower() for word, _ in stage}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_bases_have_exact_tags_and_packages_come_by_hash(name: str) -> None:
    found = instructions(name)
    for word, rest in found:
        if word == "FROM":
            assert re.fullmatch(r"[a-z0-9./-]+:\d+\.\d+\.\d+[a-z0-9.-]*( AS \w+)?", rest), rest
        if "pip install" in rest:
            assert all(
                "--require-hashes" in part or "--no-index" in part
                for part in rest.split("&&")
                if "pip install" in part
            ), rest
    assert not any(word == "ADD" for word, _ in found)
    # Passwords for an index come as a mounted secret: an argument would stand in the image's history.
    assert {rest.partition("=")[0] for word, rest in found if word == "ARG"} <= {
        "PIP_INDEX_URL",
        "NPM_REGISTRY",
        "VLLM",
    }
    assert "--mount=type=secret" in "".join(rest for word, rest in found if word == "RUN")


def test_the_cuda_image_holds_the_measured_vllm() -> None:
    measured = [recipe.version for recipe in RECIPES if recipe.measured]
    assert ("ARG", f"VLLM={measured[0]}") in instructions("Dockerfile.cuda")


@pytest.mark.parametrize("name", DOCKERFILES)
def test_only_named_files_reach_the_build(name: str) -> None:
    lines = (CONTAINER / f"{name}.dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "everything is left out that is not named"
    named = [line[1:] for line in rules if line.startswith("!")]
    for path in named:
        assert (ROOT / path).exists(), path
    assert not any(path.startswith(("deploy/compose", ".git", "tests")) for path in named)
    copied = [
        rest.split()[-2] for word, rest in instructions(name) if word == "COPY" and "--from" not in rest
    ]
    for path in copied:
        assert path == "." or any(path == each or path.startswith(f"{each}/") for each in named), path


@pytest.mark.parametrize("name", ["with-vllm.sh", "../compose/make-secrets.sh"])
def test_scripts_are_shell_and_can_be_run(name: str) -> None:
    path = CONTAINER / name
    assert path.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", path], check=True)


def test_health_says_no_where_nothing_answers() -> None:
    done = subprocess.run(
        [sys.executable, CONTAINER / "health.py"], env={"HUIYAN_GATEWAY__PORT": "1"}, timeout=60, check=False
    )
    assert done.returncode == 1
