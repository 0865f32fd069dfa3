"""huiyan.hardware.verdicts: every part judged, and a remedy wherever something is not as it should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pynvml
import pytest

from huiyan.hardware.containers import ContainerLimits
from huiyan.hardware.cpu import Cpu
from huiyan.hardware.disk import Disk
from huiyan.hardware.driver import driver_number
from huiyan.hardware.gpu import cards_on_bus
from huiyan.hardware.verdicts import Verdict, judge
from tests.support.fake_nvml import GIB, FakeCard, FakeNvml
from tests.support.machines import machine, rtx_4090


def found(*cards: FakeCard, wants_vllm: bool = False, **changes: Any) -> dict[str, Verdict]:
    """The gravest verdict of each part."""
    nvml = changes.pop("nvml", FakeNvml(*cards) if cards else None)
    verdicts: dict[str, Verdict] = {}
    order = ("ok", "warning", "failed")
    for one in judge(machine(nvml, **changes), wants_vllm=wants_vllm):
        before = verdicts.get(one.check)
        if before is None or order.index(one.state) > order.index(before.state):
            verdicts[one.check] = one
    return verdicts


def test_whatever_is_wrong_has_a_remedy_in_both_languages() -> None:
    full = rtx_4090(free_bytes=GIB, processes=[(4242, "python3", 22 * GIB)])
    machines: list[dict[str, Verdict]] = [
        found(),
        found(full),
        found(rtx_4090(free_bytes=GIB)),
        found(rtx_4090(capability=(7, 5))),
        found(rtx_4090(total_bytes=4 * GIB, free_bytes=3 * GIB)),
        found(rtx_4090(mig=True)),
        found(nvml=FakeNvml(rtx_4090(), driver="550.1", cuda=12040)),
        found(nvidia_cards=2),
        found(cpu=Cpu(features=("sve",)), memory_available_bytes=GIB),
        found(disk=Disk(path=Path("/x"), total_bytes=GIB, free_bytes=GIB)),
        found(disk=Disk(path=Path("/x"), total_bytes=900 * GIB, free_bytes=800 * GIB, filesystem="nfs4")),
    ]
    wrong = [one for verdicts in machines for one in verdicts.values() if one.state != "ok"]
    assert len({one.text.key for one in wrong}) >= 10
    for one in wrong:
        assert one.hint is not None, one.text.key
        assert one.text.render("en") != one.text.render("zh")
        assert one.hint.render("en") != one.hint.render("zh")


def test_without_a_gpu_all_is_well() -> None:
    verdicts = found()
    assert {one.state for one in verdicts.values()} == {"ok"}
    assert "Library Not Found" in verdicts["gpu"].text.render("en")
    assert verdicts["plan"].text.key == "hardware.plan_cpu"


def test_a_card_without_a_driver_is_told_of() -> None:
    verdicts = found(nvidia_cards=1)
    assert verdicts["gpu"].state == "warning"
    assert verdicts["gpu"].text.key == "hardware.gpu_silent"


def test_an_old_driver_is_a_note_unless_vllm_is_wanted() -> None:
    old = FakeNvml(rtx_4090(), driver="550.127.08", cuda=12040)
    assert found(nvml=old)["driver"].state == "warning"
    verdicts = found(nvml=old, wants_vllm=True)
    assert verdicts["driver"].state == "failed"
    assert "12.4" in verdicts["driver"].text.render("en")
    # Then the plan is for the processor.
    assert verdicts["plan"].text.key == "hardware.plan_cpu"


@pytest.mark.parametrize(("version", "number"), [("580.82.07", 580), ("550", 550), ("", 0), ("R580", 0)])
def test_branches_of_drivers(version: str, number: int) -> None:
    assert driver_number(version) == number


def test_a_full_card_names_who_holds_it() -> None:
    processes = [(7, "Xorg", None), (4242, "python3", 20 * GIB), (9, "", GIB)]
    verdict = found(rtx_4090(free_bytes=2 * GIB, processes=processes))["gpu"]
    assert verdict.text.key == "hardware.gpu_full"
    words = verdict.text.render("en")
    assert words.index("python3 (4242, 20.0 GiB)") < words.index("Xorg (7)")
    assert verdict.hint is not None
    assert "kill 4242" in verdict.hint.render("en")


def test_a_name_with_control_characters_reaches_no_terminal() -> None:
    processes = [(4242, "/tmp/\x1b[2Jevil\n", 20 * GIB)]
    words = found(rtx_4090(free_bytes=2 * GIB, processes=processes))["gpu"].text.render("en")
    assert "\x1b" not in words
    assert "\n" not in words
    assert "[2Jevil" in words


def test_a_free_card_is_planned_for() -> None:
    verdicts = found(rtx_4090())
    assert (verdicts["gpu"].state, verdicts["driver"].state) == ("ok", "ok")
    assert verdicts["plan"].text.args["model"] == "Qwen3-VL-8B"


def test_slices_and_the_lack_of_them() -> None:
    part = FakeCard(name="MIG 3g.40gb", total_bytes=40 * GIB, free_bytes=39 * GIB)
    whole = found(rtx_4090(mig=True, instances=[part]))
    assert whole["gpu"].text.key == "hardware.gpu_mig"
    assert whole["plan"].text.key == "hardware.plan_gpu"
    empty = found(rtx_4090(mig=True))
    assert empty["gpu"].text.key == "hardware.gpu_mig_empty"
    assert empty["plan"].text.key == "hardware.plan_cpu"


def test_a_lost_card_beside_a_good_one_is_told_of() -> None:
    lost = rtx_4090(faults={"nvmlDeviceGetHandleByIndex": pynvml.NVML_ERROR_GPU_IS_LOST})
    keys = [one.text.key for one in judge(machine(FakeNvml(rtx_4090(), lost)))]
    assert "hardware.gpu" in keys
    assert "hardware.gpu_lost" in keys


def test_what_the_driver_withholds_is_told_of() -> None:
    shy = rtx_4090(faults={"nvmlDeviceGetComputeRunningProcesses": pynvml.NVML_ERROR_NO_PERMISSION})
    keys = [one.text.key for one in judge(machine(FakeNvml(shy)))]
    assert "hardware.gpu_notes" in keys


def test_limits_of_a_container_are_shown() -> None:
    limits = ContainerLimits(version=2, memory_limit_bytes=8 * GIB, cpus=2.5)
    words = found(container=limits)["container"].text.render("en")
    assert "8.0 GiB" in words
    assert "2.5" in words


def test_little_memory_leaves_the_demo() -> None:
    verdicts = found(memory_available_bytes=GIB)
    assert verdicts["memory"].text.key == "hardware.memory_low"
    assert verdicts["plan"].text.key == "hardware.plan_nano"


def test_cards_on_the_bus(tmp_path: Path) -> None:
    for name, vendor, kind in (
        ("a", "0x10de", "0x030000"),
        ("b", "0x10de", "0x030200"),
        ("audio", "0x10de", "0x040300"),
        ("intel", "0x8086", "0x030000"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "vendor").write_text(vendor + "\n")
        (tmp_path / name / "class").write_text(kind + "\n")
    (tmp_path / "empty").mkdir()
    assert cards_on_bus(tmp_path) == 2
    assert cards_on_bus(tmp_path / "none") == 0
