"""`huiyan cluster` where there is no Ray: what it refuses, and with which remedy. The rest: tests/cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("arguments", [["up"], ["status"], ["scale", "2"], ["down"]])
def test_without_ray_it_says_how_to_install_it(huiyan: Run, tmp_path: Path, arguments: list[str]) -> None:
    if arguments[0] == "scale":
        (tmp_path / "data" / "cluster").mkdir(parents=True)
    done = huiyan("cluster", *arguments, "--json")
    assert done.returncode == 3, done.stdout + done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "engine_not_installed"
    assert "huiyan engines install ray" in error["hint"]


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["up", "--replicas", "3", "--max-replicas", "2"], {}),
        (["up"], {"HUIYAN_ENGINE__ENGINE": "vllm"}),
        (["up", "--address", "ray://head:10001"], {}),
    ],
)
def test_what_cannot_be_meant_is_2(huiyan: Run, arguments: list[str], variables: dict[str, str]) -> None:
    assert huiyan("cluster", *arguments, **variables).returncode == 2


def test_the_file_for_gpus_is_written(huiyan: Run, tmp_path: Path) -> None:
    out = tmp_path / "serve.json"
    words = ["--gpu", "A10:24GiB:8.6", "--model", "8B", "--model-dir", "/models/m", "--out", str(out)]
    done = huiyan("cluster", "llm", *words, "--replicas", "2")
    assert done.returncode == 0, done.stderr
    (application,) = json.loads(out.read_text("utf-8"))["applications"]
    (config,) = application["args"]["llm_configs"]
    assert config["deployment_config"]["num_replicas"] == 2
    small = huiyan("cluster", "llm", "--gpu", "Tiny:2GiB:8.6", "--model", "8B", "--model-dir", "/m", "--json")
    assert small.returncode == 3
    assert json.loads(small.stdout)["error"]["code"] == "machine_check"


def test_two_lists_of_engines_are_refused(huiyan: Run) -> None:
    lists = ["--engine-url", "http://127.0.0.1:1", "--replicas-url", "http://127.0.0.1:2/x"]
    assert huiyan("serve", *lists).returncode == 2
    assert huiyan("serve", "--replicas-url", "https://127.0.0.1").returncode == 2
