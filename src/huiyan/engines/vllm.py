"""vLLM as an engine: what it is started with, and what its deaths mean.

It runs in an environment of its own (`huiyan engines`), is always given a local directory, and listens on a
unix socket in a private directory. Facts and measurements behind the flags: docs/concepts/engines.md.
"""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from huiyan.engines.child_spec import Failure
from huiyan.engines.status import EngineEndpoint, ModelCard
from huiyan.engines.vllm_child import Boot
from huiyan.engines.vllm_failures import first_cause
from huiyan.lifeline import Message

HOST: Final = "127.0.0.1"

#: One visual token of Qwen3-VL is 32 x 32 pixels (16-pixel patches, merged 2 x 2).
PIXELS_PER_TOKEN: Final = 32 * 32


@dataclass(frozen=True, kw_only=True)
class VllmSettings:
    """What a plan decides. None: vLLM's own choice.

    kv_cache_bytes: overrides `gpu_memory_fraction`. max_batched_tokens: of one step. quantization: as vLLM
    names it, for weights that do not say it themselves. eager: without CUDA graphs and compilation.
    compiled: without it, a start is a minute shorter and single answers are a little slower.
    preprocessing_threads: that resize one request's pictures. extra: further flags, last.
    """

    gpu_memory_fraction: float | None = 0.9
    kv_cache_bytes: int | None = None
    kv_cache_dtype: str | None = None
    max_num_seqs: int | None = None
    max_batched_tokens: int | None = None
    quantization: str | None = None
    load_format: str = "auto"
    eager: bool = False
    compiled: bool = True
    preprocessing_threads: int = 1
    processor_cache_gib: float = 4.0
    sleep_mode: bool = False
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class VllmEngine:
    """A directory of safetensors, served by vLLM under the wrapper of this package.

    python: an interpreter that has vLLM. socket: path of the unix socket to listen on (its directory is this
    user's alone); "": loopback, at `port`, without development routes.
    """

    card: ModelCard
    model_path: Path
    python: Path
    settings: VllmSettings = field(default_factory=VllmSettings)
    socket: str = ""
    port: int = 0
    max_videos: int = 0
    #: One for the life of the launcher, so that the gateway can go on using it after a restart.
    api_key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    name: str = "vllm"
    module: str = "huiyan.engines.vllm_child"

    @property
    def endpoint(self) -> EngineEndpoint:
        return EngineEndpoint(
            host=HOST, port=self.port, api_key=self.api_key, dialect="vllm", slots=None, socket=self.socket
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """Of the wrapper; vLLM's own is in the boot message."""
        return {}

    @property
    def weights_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.model_path.glob("*.safetensors"))

    @property
    def random_weights(self) -> bool:
        """Its answers mean nothing: for measuring speed and memory only."""
        return self.settings.load_format == "dummy"

    def boot(self) -> Message:
        boot = Boot(
            python=str(self.python),
            arguments=tuple(self.arguments()),
            environment=self.vllm_environment(),
            host=HOST,
            port=self.port,
            socket=self.socket,
            api_key=self.api_key,
        )
        message: Message = msgspec.to_builtins(boot)
        return message

    def vllm_environment(self) -> dict[str, str]:
        environment = {
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "DO_NOT_TRACK": "1",
            "VLLM_LOGGING_COLOR": "0",
            # PyTorch's rendezvous would listen on the first address of the machine otherwise.
            "VLLM_HOST_IP": HOST,
            # A fork of a process that has begun to use CUDA is broken; spawned ones share tensors, too.
            "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
            # Else the kernel is compiled at the first request, where a compiler is there at all.
            "VLLM_USE_FLASHINFER_SAMPLER": "0",
        }
        if self.settings.preprocessing_threads > 1:
            # vLLM resizes pictures with as many threads as this says, and with one where it is not set.
            environment["OMP_NUM_THREADS"] = str(self.settings.preprocessing_threads)
        return environment

    def arguments(self) -> list[str]:
        """Of `vllm serve`, beginning with the directory; without address and key."""
        card, settings = self.card, self.settings
        arguments = [
            str(self.model_path),
            "--served-model-name",
            card.id,
            "--max-model-len",
            str(card.context_tokens),
            "--limit-mm-per-prompt",
            _json({"image": card.max_images, "video": self.max_videos}),
            "--mm-processor-kwargs",
            _json(self._processor()),
            "--override-generation-config",
            _json(_sampling(card)),
            "--load-format",
            settings.load_format,
            "--mm-processor-cache-gb",
            f"{settings.processor_cache_gib:g}",
            "--enable-auto-tool-choice",
            "--tool-call-parser",
            "hermes",
            "--enable-request-id-headers",
            # A prompt adapter's, which the gateway puts there; it takes none from clients.
            "--trust-request-chat-template",
            # Nothing is fetched on a request's word: no domain is allowed (an empty list would allow all).
            "--allowed-media-domains",
            "invalid.invalid",
            "--allowed-origins",
            "[]",
            "--worker-extension-cls",
            "huiyan_vllm_extension.HuiyanExtension",
        ]
        options: tuple[tuple[str, object], ...] = (
            ("--gpu-memory-utilization", settings.gpu_memory_fraction),
            ("--kv-cache-memory-bytes", settings.kv_cache_bytes),
            ("--kv-cache-dtype", settings.kv_cache_dtype),
            ("--max-num-seqs", settings.max_num_seqs),
            ("--max-num-batched-tokens", settings.max_batched_tokens),
            ("--quantization", settings.quantization),
        )
        for flag, value in options:
            if value is not None:
                arguments += [flag, f"{value:g}" if isinstance(value, float) else str(value)]
        if settings.eager:
            arguments.append("--enforce-eager")
        elif not settings.compiled:
            arguments += [
                "--compilation-config",
                _json({"mode": "NONE", "cudagraph_mode": "FULL_DECODE_ONLY"}),
            ]
        if settings.sleep_mode:
            arguments.append("--enable-sleep-mode")
        return [*arguments, *settings.extra]

    def _processor(self) -> dict[str, dict[str, int]]:
        """Bounds of a picture in pixels.

        Its `device: cuda` would resize on the GPU; with 0.25.1 the first picture then ends the engine
        ("cannot pin 'CUDABFloat16Type'"), so that threads have to do.
        """
        size = {
            "shortest_edge": self.card.image_min_tokens * PIXELS_PER_TOKEN,
            "longest_edge": self.card.image_max_tokens * PIXELS_PER_TOKEN,
        }
        return {"size": size}

    def explain(self, returncode: int, tail: Sequence[str]) -> Failure:
        """Where the wrapper itself said nothing: it was killed, or never came to speak."""
        cause = first_cause(tail)
        if cause is not None:
            return cause
        if returncode == -signal.SIGKILL:
            return Failure(
                code="engine_killed",
                message="The engine was killed from outside (SIGKILL).",
                hint="If nobody did it, the system ran out of memory: use a smaller model or context.",
            )
        last = next((line for line in reversed(tail) if line.strip()), "")
        end = f"signal {-returncode}" if returncode < 0 else f"code {returncode}"
        return Failure(
            code="engine_exited",
            message=f"vLLM ended with {end}. Its last line: {last[:200]}",
            hint="`huiyan logs --source engine` shows its last lines.",
        )


def _sampling(card: ModelCard) -> dict[str, float | int]:
    """What vLLM takes as defaults; it knows none for presence_penalty, which a request has to bring."""
    sampling = card.sampling
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
    }


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
