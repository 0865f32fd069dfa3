"""`huiyan deploy k8s`: what is written for a plan, what comes next, and what is refused."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from huiyan.settings.load import load
from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.slow

CARD = ("--gpu", "NVIDIA L4:22.5GiB:8.9")


def addresses(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "db").write_text("postgresql://huiyan:geheim@db.example/huiyan\n", "utf-8")
    (tmp_path / "limits").write_text("valkey://:geheim@cache.example:6379/0\n", "utf-8")
    return ("--database-url-file", str(tmp_path / "db"), "--limits-url-file", str(tmp_path / "limits"))


def values(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


def test_a_plan_becomes_files_and_commands(huiyan: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = huiyan("deploy", "k8s", "--out", str(out), *CARD, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["folder"] == str(out)
    engines = values(out / "vllm-values.yaml")["servingEngineSpec"]
    gateway = values(out / "gateway-values.yaml")
    assert engines["modelSpec"][0]["modelURL"] == said["model"] == gateway["model"]["id"]
    assert engines["modelSpec"][0]["vllmConfig"]["maxModelLen"] == gateway["model"]["contextTokens"]
    assert gateway["sharedState"] == {"enabled": False}
    assert (out / "huiyan-gateway" / "Chart.yaml").is_file()
    assert "server-secret" not in {path.name for path in (out / "secrets").iterdir()}
    assert (out / ".gitignore").read_text("utf-8") == "/secrets/\n"
    create, *_, install = said["commands"]
    assert create.startswith("kubectl create namespace huiyan")
    assert f"{out}/huiyan-gateway" in install


def test_keys_stay_files_are_kept_and_changes_are_respected(huiyan: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert huiyan("deploy", "k8s", "--out", str(out), *CARD).returncode == 0
    key = (out / "secrets" / "admin-key").read_bytes()
    assert len(key) >= 24
    again = huiyan("deploy", "k8s", "--out", str(out), *CARD, "--json")
    assert json.loads(again.stdout)["written"] == []
    assert (out / "secrets" / "admin-key").read_bytes() == key
    with (out / "gateway-values.yaml").open("a", encoding="utf-8") as file:
        file.write("replicas: 1\n")
    refused = huiyan("deploy", "k8s", "--out", str(out), *CARD, "--context", "16384", "--json")
    assert refused.returncode == 3
    assert json.loads(refused.stdout)["error"]["code"] == "not_ours"


def test_addresses_with_passwords_go_into_one_private_file(
    huiyan: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    done = huiyan("deploy", "k8s", "--out", str(out), *CARD, "--replicas", "3", *addresses(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "geheim" not in done.stdout + done.stderr
    holding = [path for path in out.rglob("*") if path.is_file() and b"geheim" in path.read_bytes()]
    assert holding == [out / "secrets" / "huiyan.toml"]
    for path in (out / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert len((out / "secrets" / "server-secret").read_bytes()) == 32
    # The gateway reads what was written.
    for name in [name for name in os.environ if name.startswith("HUIYAN_")]:
        monkeypatch.delenv(name)
    read = load({"data_dir": tmp_path}, config=out / "secrets" / "huiyan.toml")
    assert read.gateway.access.database_url is not None
    assert read.gateway.access.limits_url is not None
    gateway = values(out / "gateway-values.yaml")
    assert gateway["sharedState"] == gateway["autoscaling"] == {"enabled": True}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((*CARD, "--namespace", "Not_A_Name"), 2, "Not_A_Name"),
        ((*CARD, "--image", "huiyan"), 2, "REPOSITORY:TAG"),
        ((*CARD, "--hub-id", "$(reboot)/x"), 2, "OWNER/NAME"),
        ((*CARD, "--database-url-file", "db"), 2, "belong together"),
        (("--gpu", "Tiny:1GiB:8.9"), 3, "no engine on a card"),
        (("--gpu", "NVIDIA L4:22.5GiB:8.9", "--replicas", "0"), 2, "replicas"),
    ],
)
def test_what_would_not_work_is_refused(
    huiyan: Run, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    out = tmp_path / "out"
    done = huiyan("deploy", "k8s", "--out", str(out), *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert not out.exists()


def test_an_address_of_another_kind_is_refused_without_being_shown(huiyan: Run, tmp_path: Path) -> None:
    words = addresses(tmp_path)
    (tmp_path / "db").write_text("mysql://huiyan:geheim@db.example/huiyan\n", "utf-8")
    done = huiyan("deploy", "k8s", "--out", str(tmp_path / "out"), *CARD, *words)
    assert done.returncode == 2
    assert "postgresql://" in done.stderr
    assert "geheim" not in done.stderr
