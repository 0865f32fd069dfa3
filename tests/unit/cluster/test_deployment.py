"""What is asked of Ray's environment, and what its answers and its deaths become."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from huiyan.cluster.deployment import Deployment, Wanted, recall, remember, secret_of
from huiyan.cluster.options import ClusterOptions
from huiyan.errors import ClusterError

WANTED = Wanted(child={"engine": {}, "lock": ""}, python="/usr/bin/python3")


def deployment(tmp_path: Path, program: str, **options: Any) -> Deployment:
    """program: Python that runs in place of ray_app.py; `request` is what it was told."""
    path = tmp_path / "python"
    path.write_text(
        f"#!{sys.executable}\nimport json, sys\nrequest = json.loads(sys.stdin.readline())\n"
        f"open({str(tmp_path / 'told')!r}, 'w').write(json.dumps([sys.argv, request]))\n"
        "say = lambda **m: print(json.dumps(m), flush=True)\n" + program
    )
    path.chmod(0o755)
    return Deployment(path, {}, "127.0.0.1:6379", ClusterOptions.model_validate(options))


def told(tmp_path: Path) -> tuple[list[str], dict[str, Any]]:
    argv, request = json.loads((tmp_path / "told").read_text("utf-8"))
    return argv, request


def test_progress_and_the_result_are_told(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    program = (
        "say(type='progress', running=1, wanted=2)\n"
        "say(type='done', state='RUNNING', engines={'running': 2, 'wanted': 2})\n"
    )
    found = deployment(tmp_path, program, min_replicas=2).up(WANTED, "s3cret", lambda *n: seen.append(n))
    assert (found.state, found.engines.running, seen) == ("RUNNING", 2, [(1, 2)])
    argv, request = told(tmp_path)
    assert "s3cret" not in json.dumps([argv, request]), "Ray is given the secret's digest alone"
    assert request["address"] == "127.0.0.1:6379"
    assert (request["min_replicas"], request["max_replicas"]) == (2, 2)


def test_only_a_change_of_what_is_wanted_is_another_version(tmp_path: Path) -> None:
    versions = []
    for replicas, wanted in ((1, WANTED), (3, WANTED), (1, Wanted(child={"lock": "x"}, python="p"))):
        one = deployment(tmp_path, "say(type='done', state='RUNNING')\n", min_replicas=replicas)
        one.up(wanted, "s", lambda *_: None)
        versions.append(told(tmp_path)[1]["version"])
    assert versions[0] == versions[1] != versions[2]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("say(type='failed', message='no CPUs left')", "no CPUs left"),
        ("sys.stderr.write('ModuleNotFoundError: ray\\n'); sys.exit(1)", "ModuleNotFoundError: ray"),
        ("print('no JSON')\nsys.stderr.write('why\\n')", "why"),
        ("say(type='done')", "code"),
        ("sys.exit(3)", "code"),
    ],
)
def test_failures_are_said_with_the_last_words(tmp_path: Path, program: str, words: str) -> None:
    with pytest.raises(ClusterError, match=words):
        deployment(tmp_path, program).status()


def test_what_was_deployed_is_remembered_and_the_secret_stays(tmp_path: Path) -> None:
    assert recall(tmp_path, "huiyan") is None
    remember(tmp_path, "huiyan", WANTED)
    assert recall(tmp_path, "huiyan") == WANTED
    (tmp_path / "huiyan.json").write_text("{")
    assert recall(tmp_path, "huiyan") is None
    path, secret = secret_of(tmp_path / "cluster")
    assert secret_of(tmp_path / "cluster") == (path, secret)
    assert len(secret) >= 32
    assert path.stat().st_mode & 0o077 == 0
