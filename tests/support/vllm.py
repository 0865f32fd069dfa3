"""The stand-in for vLLM as an engine under test: an interpreter, a model directory, a private socket."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huiyan.engines.status import ModelCard
from huiyan.engines.vllm import VllmEngine, VllmSettings
from huiyan.testing.vllm_impostor import interpreter

DATA = Path(__file__).parents[1] / "data" / "vllm"

#: As nano's own config.json has it, for whoever reads a directory without loading it.
CONFIG = {
    "architectures": ["Qwen3VLForConditionalGeneration"],
    "text_config": {
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "hidden_size": 512,
        "head_dim": 64,
        "max_position_embeddings": 32768,
    },
}


def card(**changes: Any) -> ModelCard:
    fields: dict[str, Any] = {"id": "stand-in", "name": "stand-in", "context_tokens": 8192, "max_images": 3}
    return ModelCard(**{**fields, **changes})


def write_shard(path: Path, data_bytes: int = 64) -> None:
    """One tensor of `data_bytes` zero bytes in a well-formed file."""
    header = json.dumps(
        {"w": {"dtype": "U8", "shape": [data_bytes], "data_offsets": [0, data_bytes]}}
    ).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(data_bytes))


@dataclass
class StandIn:
    """play: what `impostor.json` says. The socket's path is short, wherever the tests' own directory is."""

    directory: Path
    play: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model = self.directory / "model"
        self.model.mkdir(exist_ok=True)
        (self.model / "config.json").write_text(json.dumps(CONFIG))
        write_shard(self.model / "model.safetensors")
        self.python = interpreter(self.directory)
        self.script(**self.play)

    def script(self, **play: Any) -> None:
        (self.model / "impostor.json").write_text(json.dumps(play))

    def engine(self, socket_directory: Path, **changes: Any) -> VllmEngine:
        fields: dict[str, Any] = {
            "card": card(),
            "model_path": self.model,
            "python": self.python,
            "settings": VllmSettings(),
            "socket": str(socket_directory / "engine.sock"),
        }
        return VllmEngine(**{**fields, **changes})


def socket_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="huiyan-")
