"""The list of known models is whole, names find their exact case, and one model's files are chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.errors import ModelFileMissingError
from huiyan.store.catalogue import catalogue, exact_id, find, split_variant, wanted_files


@pytest.mark.parametrize("parameters", ["2B", "4B", "8B", "32B"])
@pytest.mark.parametrize("tuning", ["instruct", "thinking"])
def test_each_size_and_tuning_is_listed_in_each_official_form(parameters: str, tuning: str) -> None:
    listed = [
        entry
        for entry in catalogue()
        if (entry.parameters, entry.tuning, entry.publisher) == (parameters, tuning, "official")
    ]
    assert {entry.precision for entry in listed} == {"bf16", "fp8", "q4_k_m"}
    for entry in listed:
        assert entry.licence == "Apache-2.0"
        assert entry.memory_bytes > entry.size_bytes
        assert entry.engine == ("llama_cpp" if entry.format == "gguf" else "vllm")
        assert (entry.compute_capability is None) == (entry.format == "gguf")


def test_ids_differ_by_more_than_case() -> None:
    assert len({entry.id.casefold() for entry in catalogue()}) == len(catalogue())


def test_what_a_copy_was_made_from_is_listed_and_larger() -> None:
    by_id = {entry.id: entry for entry in catalogue()}
    for entry in catalogue():
        if entry.base is not None:
            assert by_id[entry.base].size_bytes > entry.size_bytes
            assert by_id[entry.base].kv_bytes_per_token == entry.kv_bytes_per_token


def test_first_variant_is_what_a_pull_takes() -> None:
    for entry in catalogue():
        if entry.format == "gguf":
            assert entry.variants[0].size_bytes == entry.size_bytes
            assert entry.variants[0].name.lower() == entry.precision


def test_published_size_of_the_8b() -> None:
    entry = find("Qwen/Qwen3-VL-8B-Instruct")
    assert entry is not None
    assert (entry.size_bytes, entry.exact) == (17_534_247_392, True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("qwen/qwen3-vl-8b-instruct", "Qwen/Qwen3-VL-8B-Instruct"),
        ("QWEN3-VL-8B-INSTRUCT", "Qwen/Qwen3-VL-8B-Instruct"),
        ("qwen/Qwen3-VL-8B-Instruct-gguf:Q8_0", "Qwen/Qwen3-VL-8B-Instruct-GGUF:Q8_0"),
        ("somebody/Something", "somebody/Something"),
    ],
)
def test_name_in_any_case(name: str, expected: str) -> None:
    assert exact_id(name) == expected


def test_variant_of_a_name() -> None:
    assert split_variant("a/b:Q8_0") == ("a/b", "Q8_0")
    assert split_variant("a/b") == ("a/b", None)
    assert split_variant("a/b:") == ("a/b", None)


GGUF = [
    "README.md",
    "Qwen3VL-8B-Instruct-F16.gguf",
    "Qwen3VL-8B-Instruct-Q4_K_M.gguf",
    "Qwen3VL-8B-Instruct-Q8_0.gguf",
    "mmproj-Qwen3VL-8B-Instruct-F16.gguf",
    "mmproj-Qwen3VL-8B-Instruct-Q8_0.gguf",
]


@pytest.mark.parametrize(("variant", "model"), [(None, 2), ("q4_k_m", 2), ("Q8_0", 3), ("F16", 1)])
def test_one_variant_and_one_projector(variant: str | None, model: int) -> None:
    expected = sorted(["README.md", GGUF[model], "mmproj-Qwen3VL-8B-Instruct-F16.gguf"])
    assert wanted_files(GGUF, variant=variant) == expected


def test_parts_of_a_variant_come_together() -> None:
    parts = [f"big-Q4_K_M-{number:05}-of-00003.gguf" for number in (1, 2, 3)]
    assert wanted_files([*parts, "big-Q8_0.gguf", "mmproj-big-BF16.gguf"]) == [*parts, "mmproj-big-BF16.gguf"]


def test_f16_is_not_bf16() -> None:
    assert wanted_files(["a-BF16.gguf", "b-F16.gguf"], variant="F16") == ["b-F16.gguf"]


def test_unknown_variant_names_the_known() -> None:
    with pytest.raises(ModelFileMissingError) as caught:
        wanted_files(GGUF, variant="Q3_K")
    assert "q8_0" in caught.value.message


def test_all_companions_come_along_and_other_weights_stay() -> None:
    kept = [
        "chat_template.jinja",
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "sub/vocab.json",
    ]
    dropped = [".gitattributes", "pytorch_model.bin", "model-Q4_K_M.gguf", "picture.png", "onnx/model.onnx"]
    assert wanted_files([*kept, *dropped]) == kept


@pytest.mark.parametrize("page", ["catalogue.md", "catalogue.zh-CN.md"])
def test_reference_page_has_every_model_as_it_is_listed(page: str) -> None:
    rows = (Path(__file__).parents[3] / "docs" / "reference" / page).read_text("utf-8").splitlines()
    for entry in catalogue():
        about = "" if entry.exact else "≈ "
        row = f"| `{entry.id}` | {entry.precision} | {about}{entry.size_bytes / 2**30:.1f} | {entry.engine} |"
        assert any(line.startswith(row) for line in rows), row
        memory = f"| ≈ {entry.memory_bytes / 2**30:.1f} | {', '.join(entry.hubs)} |"
        assert any(line.startswith(row) and line.endswith(memory) for line in rows), memory
    assert sum(line.startswith("| `") for line in rows) == len(catalogue())
