"""The engine's settings; `settings` composes them, nothing here reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

EngineName = Literal["auto", "llama_cpp"]


class EngineOptions(BaseModel):
    """Frozen; unknown names are refused. None: chosen from the model and the machine."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    engine: EngineName = Field("auto", description="Which engine runs the model.")
    port: int = Field(3001, ge=0, le=65535, description="Loopback port of the engine; 0 takes any free one.")
    model: str | None = Field(None, description="Model to serve, by its hub name: Qwen/Qwen3-VL-8B-Instruct.")
    model_path: Path | None = Field(
        None, description="A .gguf file, or a directory with a model's .gguf and its mmproj*.gguf."
    )
    threads: int | None = Field(None, ge=1, le=1024, description="CPU threads of the engine.")
    slots: int = Field(1, ge=1, le=64, description="Answers written at the same time.")
    context_tokens: int | None = Field(
        None, ge=256, description="Context of one slot, prompt and answer together."
    )
    image_min_tokens: int | None = Field(None, ge=1, description="Fewest visual tokens of one picture.")
    image_max_tokens: int | None = Field(None, ge=1, description="Most visual tokens of one picture.")
    prompt_cache_mib: int = Field(512, ge=0, description="Memory for the prompts of earlier conversations.")
    load_timeout_s: float = Field(
        300.0, gt=0, description="From the engine's start until it has loaded the model."
    )
    canary_timeout_s: float = Field(120.0, gt=0, description="For the answer about the test picture.")
    max_crashes: int = Field(6, ge=1, description="Crashes in a row after which the engine stays down.")
