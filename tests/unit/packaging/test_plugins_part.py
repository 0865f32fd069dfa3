"""The part of test_all.sh for plugins/: the real functions, with stand-ins for pytest and uv."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

#: As the scripts source them; `find_python` is not what is tried here.
SCRIPT = """
set -euo pipefail
root=$1
for file in words mirrors python locked plugins parts; do . "$root/scripts/lib/$file.sh"; done
has_uv() { true; }
find_python() { python=python3 python_for_venv=python3; }
"""

#: A pytest that says where it ran and with what, and ends as the plugin's file `outcome` says.
FAKE_PYTHON = """#!/bin/bash
echo "ran in ${PWD##*/}: $*"
cat outcome
grep -q failed outcome && exit 1
exit 0
"""

#: Makes what `uv venv` makes, with the stand-in for Python in it.
FAKE_UV = f"""#!/bin/bash
echo "uv $*" >>"$UV_CALLS"
if [ "$1" = venv ]; then
    mkdir -p "${{!#}}/bin"
    cat >"${{!#}}/bin/python" <<'END'
{FAKE_PYTHON}
END
    chmod +x "${{!#}}/bin/python"
fi
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "check out"
    (root / "scripts").mkdir(parents=True)
    (root / "scripts" / "lib").symlink_to(ROOT / "scripts" / "lib")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(FAKE_UV)
    (tools / "uv").chmod(0o755)
    (root / "plugins").mkdir()
    (root / "plugins" / "mypy.ini").touch()
    (root / "plugins" / "leftovers").mkdir()
    return root


def plugin(root: Path, name: str, outcome: str, lock: str | None = "a==1\n") -> None:
    directory = root / "plugins" / name
    directory.mkdir()
    (directory / "pyproject.toml").touch()
    (directory / "outcome").write_text(f"{outcome}\n")
    if lock is not None:
        (directory / "requirements-dev.lock").write_text(lock)


def ran(root: Path, commands: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", SCRIPT + commands, "bash", str(root)],
        env={
            "PATH": f"{root.parent / 'tools'}:/usr/bin:/bin",
            "HOME": str(root.parent),
            "UV_CALLS": str(root.parent / "calls"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


PART = 'prepare_plugins "$root/.venv-plugins"; run_part plugins -k word; summarize'


def test_each_plugin_is_tested_in_an_environment_of_its_own_and_counted(checkout: Path) -> None:
    plugin(checkout, "one", "3 passed, 1 skipped in 1.0s")
    plugin(checkout, "two", "5 passed in 1.0s")
    done = ran(checkout, PART)
    assert done.returncode == 0, done.stderr
    assert "ran in one: -m pytest tests --durations=5 -k word" in done.stdout
    assert "ran in two: -m pytest tests --durations=5 -k word" in done.stdout
    assert "8 passed, 0 failed, 1 skipped" in done.stdout
    assert sorted(path.name for path in (checkout / ".venv-plugins").iterdir() if path.is_dir()) == [
        "one",
        "two",
    ]


def test_a_plugin_that_fails_does_not_hide_the_next_one(checkout: Path) -> None:
    plugin(checkout, "one", "1 failed, 2 passed in 1.0s")
    plugin(checkout, "two", "5 passed in 1.0s")
    done = ran(checkout, PART)
    assert done.returncode != 0
    assert "ran in two" in done.stdout
    assert "failed: plugins" in done.stdout
    assert "7 passed, 1 failed, 0 skipped" in done.stdout


def test_an_environment_is_made_again_only_when_its_lock_changes(checkout: Path) -> None:
    plugin(checkout, "one", "1 passed in 1.0s")
    calls = checkout.parent / "calls"
    assert ran(checkout, PART).returncode == 0
    made = calls.read_text()
    assert "--require-hashes" in made
    assert ran(checkout, PART).returncode == 0
    assert calls.read_text() == made
    (checkout / "plugins" / "one" / "requirements-dev.lock").write_text("a==2\n")
    assert ran(checkout, PART).returncode == 0
    assert len(calls.read_text()) > len(made)


def test_without_a_lock_it_says_what_makes_one(checkout: Path) -> None:
    plugin(checkout, "one", "1 passed in 1.0s", lock=None)
    done = ran(checkout, PART)
    assert done.returncode == 3
    assert "just lock" in done.stderr


def test_what_is_here_has_both_locks_and_no_index_in_them() -> None:
    for file in (ROOT / "plugins").glob("*/pyproject.toml"):
        for name in ("requirements.lock", "requirements-dev.lock"):
            lock = (file.parent / name).read_text("utf-8")
            assert "--hash=sha256:" in lock
            assert "://" not in lock
