"""huiyan.hardware.gpu: what the driver says, and what it does not."""

from __future__ import annotations

import inspect

import pynvml
import pytest

from huiyan.hardware.gpu import Gpu, gpus_by_nvml
from tests.support.fake_nvml import GIB, FakeCard, FakeNvml


def test_the_fake_has_pynvmls_names_and_signatures() -> None:
    names = [name for name in vars(FakeNvml) if not name.startswith("_")]
    assert len(names) > 15
    for name in names:
        real, fake = getattr(pynvml, name), getattr(FakeNvml, name)
        if not inspect.isfunction(fake):
            assert fake is real or fake == real
            continue
        expected = list(inspect.signature(real).parameters)
        assert list(inspect.signature(fake).parameters)[1:] == expected, name


def one(card: FakeCard, **system: object) -> Gpu:
    nvml = FakeNvml(card, **system)  # type: ignore[arg-type]  # the fake's keyword arguments
    (gpu,), note = gpus_by_nvml(nvml)
    assert note == ""
    assert nvml.open == 0
    return gpu


def test_a_card_is_described() -> None:
    gpu = one(FakeCard(processes=[(4242, "/usr/bin/python3", 5 * GIB), (7, "Xorg", None)]))
    assert (gpu.name, gpu.compute_capability, gpu.capability) == ("NVIDIA GeForce RTX 4090", "8.9", (8, 9))
    assert (gpu.driver_version, gpu.cuda_version) == ("580.82.07", "13.0")
    assert gpu.cuda_total_bytes == 24 * GIB - GIB // 2
    assert [(one.pid, one.name, one.memory_bytes) for one in gpu.processes] == [
        (4242, "python3", 5 * GIB),
        (7, "Xorg", None),
    ]
    assert (gpu.mig, gpu.mig_instances, gpu.notes) == (None, (), ())


def test_names_may_be_bytes() -> None:
    card = FakeCard()
    card.name = b"NVIDIA L4"  # type: ignore[assignment]  # as older versions of pynvml answer
    card.faults["nvmlDeviceGetUUID"] = pynvml.NVML_ERROR_NOT_SUPPORTED
    assert one(card).name == "NVIDIA L4"


def test_an_old_driver_does_not_tell_what_it_keeps() -> None:
    card = FakeCard(faults={"nvmlDeviceGetMemoryInfo_v2": pynvml.NVML_ERROR_FUNCTION_NOT_FOUND})
    gpu = one(card, driver="470.10", faults={"nvmlSystemGetCudaDriverVersion_v2": 999})
    assert gpu.memory_reserved_bytes == 0
    assert gpu.memory_total_bytes == 24 * GIB
    assert gpu.cuda_version == ""


def test_instances_of_a_card_in_mig_mode() -> None:
    slice_ = FakeCard(name="NVIDIA H100 MIG 3g.40gb", total_bytes=40 * GIB, free_bytes=39 * GIB)
    gpu = one(FakeCard(mig=True, instances=[None, slice_]))
    assert gpu.mig is True
    (instance,) = gpu.mig_instances
    assert (instance.memory_total_bytes, instance.memory_free_bytes) == (40 * GIB, 39 * GIB)
    assert "3g.40gb" in instance.name


def test_mig_mode_that_is_off() -> None:
    gpu = one(FakeCard(mig=False, instances=[FakeCard()]))
    assert (gpu.mig, gpu.mig_instances) == (False, ())


def test_what_the_driver_will_not_say_is_a_note() -> None:
    gpu = one(FakeCard(faults={"nvmlDeviceGetComputeRunningProcesses": pynvml.NVML_ERROR_NO_PERMISSION}))
    assert gpu.processes == ()
    assert gpu.notes == ("processes: Insufficient Permissions",)


def test_a_lost_card_does_not_hide_the_others() -> None:
    lost = FakeCard(faults={"nvmlDeviceGetHandleByIndex": pynvml.NVML_ERROR_GPU_IS_LOST})
    (gpu,), note = gpus_by_nvml(FakeNvml(lost, FakeCard()))
    assert gpu.index == 1
    assert note.startswith("GPU 0: ")


@pytest.mark.parametrize(
    ("function", "code", "words"),
    [
        ("nvmlInit", pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "not found"),
        ("nvmlInit", pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "driver not loaded"),
        ("nvmlDeviceGetCount", pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "version mismatch"),
        ("nvmlSystemGetDriverVersion", pynvml.NVML_ERROR_UNKNOWN, "unknown"),
    ],
)
def test_without_a_working_driver_there_is_a_reason(function: str, code: int, words: str) -> None:
    gpus, note = gpus_by_nvml(FakeNvml(FakeCard(), faults={function: code}))
    assert gpus == ()
    assert words in note.lower()


def test_no_card_is_a_reason_too() -> None:
    assert gpus_by_nvml(FakeNvml()) == ((), "the driver lists no GPU")


def test_a_failing_shutdown_is_no_matter() -> None:
    gpus, _ = gpus_by_nvml(FakeNvml(FakeCard(), faults={"nvmlShutdown": pynvml.NVML_ERROR_UNKNOWN}))
    assert len(gpus) == 1


@pytest.mark.parametrize(
    ("text", "numbers"), [("8.6", (8, 6)), ("12.0", (12, 0)), ("", (0, 0)), ("x.y", (0, 0))]
)
def test_capability_as_numbers(text: str, numbers: tuple[int, int]) -> None:
    gpu = Gpu(name="", memory_total_bytes=1, memory_free_bytes=1, driver_version="", compute_capability=text)
    assert gpu.capability == numbers
