"""The engine's settings; `settings` composes them, nothing here reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

EngineName = Literal["auto", "llama_cpp", "vllm"]


class EngineOptions(BaseModel):
    """Frozen; unknown names are refused. None: chosen from the model and the machine."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    engine: EngineName = Field("auto", description="Which engine runs the model.")
    port: int = Field(3001, ge=0, le=65535, description="Loopback port of the engine; 0 takes any free one.")
    model: str | None = Field(None, description="Model to serve, by its hub name: Qwen/Qwen3-VL-8B-Instruct.")
    model_path: Path | None = Field(
        None,
        description="A .gguf file, a directory with a model's .gguf and its mmproj*.gguf, or one with "
        "config.json and *.safetensors.",
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
    gpu_memory_fraction: float | None = Field(
        None, gt=0.05, le=0.98, description="Share of the GPU's memory that vLLM may take."
    )
    max_images: int | None = Field(None, ge=1, le=64, description="Pictures in one request.")
    max_num_seqs: int | None = Field(None, ge=1, le=1024, description="Answers vLLM writes at the same time.")
    quantization: str | None = Field(
        None, pattern=r"^[a-z0-9_-]{1,40}$", description="vLLM's name of it, where the files do not say."
    )
    load_format: str = Field(
        "auto",
        pattern=r"^[a-z_]{1,40}$",
        description="How vLLM reads the weights; `dummy` makes random ones, to measure speed only.",
    )
    preprocessing_threads: int | None = Field(
        None, ge=1, le=64, description="Threads that vLLM resizes one request's pictures with."
    )
    compile: bool = Field(True, description="Let vLLM compile the model; without it, it starts sooner.")
    extra_flags: tuple[str, ...] = Field((), description="Further flags of `vllm serve`, as they are.")
    max_crashes: int = Field(6, ge=1, description="Crashes in a row after which the engine stays down.")
