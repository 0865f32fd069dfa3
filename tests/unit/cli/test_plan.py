"""`huiyan plan` and `huiyan doctor` on machines that are described, in both languages."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from huiyan import nano
from huiyan.cli import doctor
from huiyan.cli.app import app
from huiyan.hardware.probe import Machine
from huiyan.messages import Language
from tests.support import golden
from tests.support.fake_nvml import GIB, FakeNvml
from tests.support.machines import machine, rtx_4090

MACHINES: dict[str, Machine] = {
    "no-gpu": machine(),
    "old-driver": machine(FakeNvml(rtx_4090(), driver="550.127.08", cuda=12040)),
    "full-card": machine(
        FakeNvml(
            rtx_4090(
                free_bytes=int(1.4 * GIB),
                processes=[
                    (4242, "/opt/comfyui/venv/bin/python3", int(21.3 * GIB)),
                    (1733, "Xorg", GIB // 4),
                ],
            )
        )
    ),
    "free-card": machine(FakeNvml(rtx_4090())),
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["no-gpu", "old-driver", "full-card"])
def test_doctor_says_what_is_there_and_what_mends_it(
    name: str, language: Language, capsys: pytest.CaptureFixture[str]
) -> None:
    for finding in doctor.hardware_findings(MACHINES[name], engine="auto"):
        doctor.show(finding, language, as_json=False)
    golden.check(f"doctor-{name}.{language}", capsys.readouterr().out)


def test_doctor_has_remedies_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    for finding in doctor.hardware_findings(MACHINES["full-card"], engine="vllm"):
        doctor.show(finding, "en", as_json=True)
    lines = {line["check"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert lines["gpu"]["state"] == "failed"
    assert "kill 4242" in lines["gpu"]["hint"]
    assert "hint" not in lines["cpu"]


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, name: str, *arguments: str) -> Result:
    for variable in [name for name in os.environ if name.startswith("HUIYAN_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setattr("huiyan.hardware.probe.probe", lambda **_: MACHINES[name])
    return CliRunner().invoke(app, ["plan", "--data-dir", str(tmp_path), *arguments])


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("no-gpu", []),
        ("free-card", ["--users", "3"]),
        ("full-card", []),
        ("old-driver", []),
        ("no-gpu", ["--profile", "a10-shared-24g"]),
    ],
)
def test_a_plan_is_a_table_and_flags(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, name: str, arguments: list[str], language: str
) -> None:
    finished = run(monkeypatch, tmp_path, name, *arguments, "--lang", language)
    assert finished.exit_code == 0, finished.output
    what = "-".join([name, *(word.removeprefix("--") for word in arguments)])
    golden.check(f"plan-{what}.{language}", finished.stdout)


def test_a_plan_as_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    finished = run(monkeypatch, tmp_path, "free-card", "--json", "--gpu", "H100:79.65GiB:9.0", "--lang", "en")
    assert finished.exit_code == 0
    found = json.loads(finished.stdout)
    assert (found["engine"], found["imagined"]) == ("vllm", True)
    (chosen,) = [one for one in found["candidates"] if one["chosen"]]
    assert (chosen["model"], chosen["weights"], chosen["suits"]) == ("8B", "bf16", True)
    assert chosen["flags"][:2] == ["--max-model-len", "32768"]
    assert len({(one["model"], one["weights"]) for one in found["candidates"]}) == 12


def test_no_configuration_is_a_refusal_with_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    finished = run(monkeypatch, tmp_path, "free-card", "--model", "32B", "--lang", "en")
    assert finished.exit_code == 3
    assert "leave no cache" in finished.stdout
    assert "--model 4B" in finished.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--profile", "rtx5090"],
        ["--gpu", "RTX"],
        ["--image-size", "big"],
        ["--model", "gpt-2"],
        ["--users", "0"],
        ["--images", "10"],
    ],
)
def test_what_cannot_be_read_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, arguments: list[str]
) -> None:
    assert run(monkeypatch, tmp_path, "no-gpu", *arguments).exit_code == 2


def test_a_gguf_file_is_planned_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    given = ["--model", str(nano.MODEL_PATH), "--images", "1", "--image-size", "256x256", "--json"]
    finished = run(monkeypatch, tmp_path, "free-card", *given)
    assert finished.exit_code == 0, finished.output
    found = json.loads(finished.stdout)
    (one,) = found["cpu_candidates"]
    assert one["chosen"]
    assert one["file_bytes"] == nano.MODEL_PATH.stat().st_size + nano.MMPROJ_PATH.stat().st_size
    assert found["candidates"] == []
    words = run(monkeypatch, tmp_path, "free-card", *given[:-1], "--lang", "en").stdout
    assert words.startswith("processor:")


def test_a_directory_without_a_model_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    finished = run(monkeypatch, tmp_path, "no-gpu", "--model", str(tmp_path), "--lang", "en")
    assert finished.exit_code == 3
    assert "config.json" in finished.output
