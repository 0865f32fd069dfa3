"""The checkers, which live in an environment of their own (scripts/lib/deploy.sh)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"

#: Runs a program of that environment and gives what it did.
Tool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def tool() -> Tool:
    folder = os.environ.get("TEST_HUIYAN_DEPLOY")
    assert folder, "TEST_HUIYAN_DEPLOY is not set: run these tests by ./test_all.sh deploy, or just test"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}

    def run(name: str, *words: str | Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(folder) / "bin" / name, *words],
            input=given,
            env=kept,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def program(tool: Tool) -> Callable[[str, object], Any]:
    """Run one of `programs/` there: JSON in, JSON out."""

    def run(name: str, given: object) -> Any:
        done = tool("python", PROGRAMS / name, given=json.dumps(given))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
