"""huiyan.nano: the shipped files are the recorded ones, and the card says what nano is."""

from __future__ import annotations

from pathlib import Path

from huiyan import nano
from huiyan.engines.gguf import read_head
from huiyan.store.manifest import VerificationRecord, read_manifest, verify


def test_the_shipped_files_are_whole(tmp_path: Path) -> None:
    manifest = read_manifest(nano.MANIFEST_PATH)
    assert {entry.path for entry in manifest.files} == {nano.MODEL_PATH.name, nano.MMPROJ_PATH.name}
    assert verify(nano.DIRECTORY, manifest, VerificationRecord(tmp_path / "record.json")) == 2


def test_the_card_fits_the_file() -> None:
    head = read_head(nano.MODEL_PATH)
    card = nano.card()
    assert head.metadata["general.architecture"] == "qwen3vl"
    assert head.trained_context_tokens == card.context_tokens
    assert card.demo
    assert card.wanted is None
    assert card.sampling.temperature == 0.0


def test_a_model_that_was_asked_for_is_on_the_card() -> None:
    assert nano.card(wanted="Qwen/Qwen3-VL-8B-Instruct").wanted == "Qwen/Qwen3-VL-8B-Instruct"
