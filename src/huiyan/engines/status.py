"""What an engine is doing and which model it serves, as every other part is told it."""

from __future__ import annotations

import enum
import time

import msgspec


class EngineState(enum.StrEnum):
    """The life of an engine process.

    starting → loading → warming → ready; a crash leads to restarting (waiting out the backoff)
    and back to starting; a crash loop, or a part that is missing, ends in failed.
    """

    STARTING = "starting"
    LOADING = "loading"
    WARMING = "warming"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


class EngineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the engine; sent whole at each change.

    detail: one English line for a person. code: stable, for translations (`engine_crashed`, …).
    progress: 0..1 while loading, where it is known. retry_in_s: until the next restart.
    """

    state: EngineState
    engine: str
    model: str
    code: str = ""
    detail: str = ""
    hint: str = ""
    progress: float | None = None
    retry_in_s: float | None = None
    restarts: int = 0
    since_unix_s: float = msgspec.field(default_factory=time.time)


class SamplingDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine uses where a request says nothing (the page shows and starts from it)."""

    temperature: float = 0.7
    top_p: float = 0.8
    top_k: int = 20
    presence_penalty: float = 0.0


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """The model that is served, and its bounds.

    id: what `/v1/models` lists and requests name. demo: the built-in nano. wanted: a model that
    was asked for and is not here, so that this one answers in its place (shown as a banner); planned: nobody
    asked for it, the planner names it as the one for this machine.
    context_tokens: of one slot, prompt and answer together. image_tokens_*: per picture.
    """

    id: str
    name: str
    demo: bool = False
    wanted: str | None = None
    planned: bool = False
    context_tokens: int
    max_images: int = 9
    image_min_tokens: int = 64
    image_max_tokens: int = 16384
    sampling: SamplingDefaults = msgspec.field(default_factory=SamplingDefaults)


class EngineEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where an engine's OpenAI-compatible server listens. `api_key` is secret: never logged.

    slots: answers that it writes at the same time; None: it decides itself (vLLM).
    socket: path of its unix socket, used in place of host and port where there is one.
    """

    host: str
    port: int
    api_key: str = ""
    dialect: str = "llama_cpp"
    slots: int | None = None
    socket: str = ""

    def __repr__(self) -> str:
        where = f"unix:{self.socket}" if self.socket else f"{self.host}:{self.port}"
        return f"EngineEndpoint({where}, dialect={self.dialect})"
