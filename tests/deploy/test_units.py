"""huiyan's units before systemd's own checker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from huiyan.deploy import unit

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")

#: `systemd-analyze security`: 0 is best, a plain unit has 9.6. docs/guides/service.md names it.
MOST_EXPOSED = 3.0

PLAIN = unit.Service(command=["/bin/true"])
FULL = unit.Service(
    command=["/bin/echo", "a b", "100%", "$HOME", "it's", "back\\slash", 'a "b"', "", unit.credential("key")],
    environment={"HUIYAN_LANG": "zh 100% $x", "HOME": unit.STATE_DIRECTORY},
    credentials={"key": Path("/etc/huiyan/a key")},
    gpu=True,
    low_port=True,
)
USER = unit.Service(command=["/bin/true"], system=False)


def written(tmp_path: Path, service: unit.Service) -> Path:
    path = tmp_path / unit.NAME
    path.write_text(unit.render(service), "utf-8")
    return path


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    # A user's manager looks for its runtime directory, which a build machine has not.
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(Path(words[-1]).parent)}
    return subprocess.run(
        ["systemd-analyze", *words], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("service", [PLAIN, FULL, USER], ids=["plain", "full", "user"])
def test_systemd_understands_every_line(tmp_path: Path, service: unit.Service) -> None:
    scope = ["--system"] if service.system else ["--user"]
    done = analyze(*scope, "--man=no", "verify", written(tmp_path, service))
    complaints = [line for line in done.stderr.splitlines() if unit.NAME in line]
    assert complaints == []
    assert done.returncode == 0, done.stderr


def test_systemd_would_say_what_is_wrong(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN)
    path.write_text(path.read_text("utf-8").replace("ProtectHome=yes", "ProtectHome=perhaps"), "utf-8")
    assert "protect home" in analyze("--system", "--man=no", "verify", path).stderr


@pytest.mark.parametrize("service", [PLAIN, FULL], ids=["plain", "full"])
def test_a_system_unit_is_hardened(tmp_path: Path, service: unit.Service) -> None:
    done = analyze("security", "--offline=yes", "--no-pager", written(tmp_path, service))
    found = re.search(r"Overall exposure level for huiyan\.service: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED
