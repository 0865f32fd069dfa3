"""llama.cpp as an engine: what it is started with, and what its deaths mean."""

from __future__ import annotations

import re
import secrets
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from huiyan.engines.child_spec import Failure
from huiyan.engines.llama_cpp_child import Boot
from huiyan.engines.status import EngineEndpoint, ModelCard
from huiyan.lifeline import Message

HOST: Final = "127.0.0.1"

_ASSERTION: Final = re.compile(r"GGML_ASSERT\(.*|GGML_ABORT.*|.*: fatal error.*")
_NO_MEMORY: Final = re.compile(
    r"failed to allocate|unable to allocate|cannot allocate memory|out of memory|bad_alloc", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class LlamaCppEngine:
    """A GGUF model with its mmproj file, served by the child process of this package.

    host: where it listens. port: 0 for any; which one it is, the child says when it listens.
    """

    card: ModelCard
    model_path: Path
    mmproj_path: Path
    port: int
    threads: int
    host: str = HOST
    slots: int = 1
    prompt_cache_mib: int = 512
    #: In place of the model's own; llama.cpp takes none with a request.
    chat_template: str = field(default="", repr=False)
    #: One for the life of the launcher, so that the gateway can go on using it after a restart.
    api_key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    name: str = "llama_cpp"
    module: str = "huiyan.engines.llama_cpp_child"

    @property
    def endpoint(self) -> EngineEndpoint:
        return EngineEndpoint(
            host=self.host, port=self.port, api_key=self.api_key, dialect="llama_cpp", slots=self.slots
        )

    @property
    def environment(self) -> Mapping[str, str]:
        # Else an abort starts a debugger on the dying process for its back trace.
        return {"GGML_NO_BACKTRACE": "1"}

    @property
    def weights_bytes(self) -> int:
        return self.model_path.stat().st_size + self.mmproj_path.stat().st_size

    def boot(self) -> Message:
        sampling = self.card.sampling
        boot = Boot(
            model_path=str(self.model_path),
            mmproj_path=str(self.mmproj_path),
            host=self.host,
            port=self.port,
            api_key=self.api_key,
            alias=self.card.id,
            context_tokens=self.card.context_tokens,
            slots=self.slots,
            threads=self.threads,
            image_min_tokens=self.card.image_min_tokens,
            image_max_tokens=self.card.image_max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            presence_penalty=sampling.presence_penalty,
            prompt_cache_mib=self.prompt_cache_mib,
            chat_template=self.chat_template,
        )
        message: Message = msgspec.to_builtins(boot)
        return message

    def explain(self, returncode: int, tail: Sequence[str]) -> Failure:
        last = next((line for line in reversed(tail) if line.strip()), "")
        assertion = next((found[0] for line in reversed(tail) if (found := _ASSERTION.search(line))), None)
        if assertion is not None:
            return Failure(
                code="engine_assertion",
                message=f"llama.cpp stopped on a failed assertion: {assertion}",
                hint="Try another picture or model; `huiyan logs --source engine` has the rest.",
            )
        if any(_NO_MEMORY.search(line) for line in tail):
            return Failure(
                code="engine_out_of_memory",
                message="The engine could not get the memory that the model needs.",
                hint="Use a smaller model, lower HUIYAN_ENGINE__CONTEXT_TOKENS, or close other programs.",
            )
        if returncode == -signal.SIGKILL:
            return Failure(
                code="engine_killed",
                message="The engine was killed from outside (SIGKILL).",
                hint="If nobody did it, the system ran out of memory: use a smaller model or context.",
            )
        if returncode < 0:
            return Failure(
                code="engine_crashed",
                message=f"The engine was ended by {_signal_name(-returncode)}.{_said(last)}",
                hint="`huiyan logs --source engine` shows its last lines.",
            )
        return Failure(
            code="engine_exited",
            message=f"The engine ended by itself with code {returncode}.{_said(last)}",
            hint="`huiyan logs --source engine` shows its last lines.",
        )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _said(last: str) -> str:
    return f" Its last line: {last[:200]}" if last else ""
