"""Settings of waiting, token budget, engines and worker processes; `settings` composes them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from huiyan.engines.status import EngineEndpoint
from huiyan.errors import SettingsError
from huiyan.messages import refusal

#: Requests at an engine that does not say how many it takes: vLLM's own default for one GPU.
DEFAULT_SLOTS = 256
_FROZEN = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class BackendOptions(BaseModel):
    """One engine that answers requests. Its key stands in a file: a setting may end in a log."""

    model_config = _FROZEN

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", description="Its name in metrics, logs and commands."
    )
    url: str = Field(
        pattern=r"^http://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}/?$",
        description="http://HOST:PORT of its OpenAI-compatible server.",
    )
    api_key_file: Path | None = Field(None, description="File whose first line is the engine's key.")
    dialect: str = Field("vllm", pattern=r"^(vllm|llama_cpp)$", description="Whose API it speaks.")
    slots: int | None = Field(
        None, ge=1, le=65536, description="Answers that it writes at once; needs no number for vLLM."
    )
    capacity: float = Field(1.0, gt=0, le=1000, description="Share of the load, relative to the others.")

    def endpoint(self) -> EngineEndpoint:
        """Reads the key's file. Raises: SettingsError."""
        parts = urlsplit(self.url)
        return EngineEndpoint(
            host=parts.hostname or "",
            port=parts.port or 80,
            api_key=_first_line(self.api_key_file),
            dialect=self.dialect,
            slots=self.slots,
        )


def _first_line(secret_file: Path | None) -> str:
    """Raises: SettingsError."""
    if secret_file is None:
        return ""
    try:
        return secret_file.read_text("utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(SettingsError, "settings.file", path=secret_file, reason=error) from error


class TrafficOptions(BaseModel):
    """Frozen; unknown names are refused."""

    model_config = _FROZEN

    max_running: int | None = Field(
        None, ge=1, le=65536, description="Requests at the engine at the same time; chosen from the engine."
    )
    max_waiting: int = Field(256, ge=0, le=65536, description="Requests that wait for their turn, in all.")
    max_waiting_per_key: int = Field(64, ge=0, le=65536, description="Requests of one key that wait.")
    queue_timeout_s: float = Field(
        600.0, gt=0, description="Longest wait for a turn; on a CPU one answer may take minutes."
    )
    max_pause_s: float = Field(
        900.0, gt=0, description="Longest pause while the engine is being replaced; then requests go on."
    )
    keep_alive_s: float = Field(
        10.0, gt=0, description="A stream that waits gets a comment so often, against proxies that give up."
    )
    min_answer_tokens: int = Field(
        256, ge=1, description="A request waits rather than be granted fewer tokens than this."
    )
    metrics_interval_s: float = Field(
        1.0, gt=0, description="How often a busy engine is asked how full its cache is."
    )
    backends: tuple[BackendOptions, ...] = Field(
        (), description="Engines elsewhere; none: the one that the launcher starts."
    )
    replicas_url: str | None = Field(
        None,
        pattern=r"^http://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}/[!-~]*$",
        description="Where the engines of now are listed, as `huiyan cluster` does; in place of `backends`.",
    )
    replicas_secret_file: Path | None = Field(
        None, description="File whose first line is the secret that this list is given for."
    )
    replicas_interval_s: float = Field(
        2.0, gt=0, description="How often the list is asked for where it does not wait for a change itself."
    )
    probe_interval_s: float = Field(5.0, gt=0, description="How often engines elsewhere are looked after.")
    eject_after: int = Field(3, ge=1, description="Failures in a row after which an engine gets no requests.")
    eject_s: float = Field(10.0, gt=0, description="For how long at first; it doubles up to 32 times.")
    workers: int = Field(1, ge=1, le=64, description="Gateway processes that serve the one port.")

    @field_validator("backends")
    @classmethod
    def _names_differ(cls, backends: tuple[BackendOptions, ...]) -> tuple[BackendOptions, ...]:
        names = [backend.name for backend in backends]
        if len(set(names)) != len(names):
            raise ValueError("two backends have the same name")
        return backends

    @property
    def elsewhere(self) -> bool:
        """Whether somebody else runs the engines."""
        return bool(self.backends) or self.replicas_url is not None

    def replicas_endpoint(self) -> tuple[EngineEndpoint, str]:
        """Where the list of engines is asked for, and its path. Raises: SettingsError."""
        parts = urlsplit(self.replicas_url or "")
        endpoint = EngineEndpoint(
            host=parts.hostname or "",
            port=parts.port or 80,
            api_key=_first_line(self.replicas_secret_file),
            dialect="",
        )
        return endpoint, parts.path + (f"?{parts.query}" if parts.query else "")

    def slots(self, engine_slots: int | None) -> int:
        """Requests at the engines at the same time. engine_slots: what the launcher's engine takes."""
        named = sum(each.slots or DEFAULT_SLOTS for each in self.backends)
        return self.max_running or engine_slots or named or DEFAULT_SLOTS

    @model_validator(mode="after")
    def _one_list_of_engines(self) -> TrafficOptions:
        if self.backends and self.replicas_url is not None:
            raise ValueError("backends and replicas_url both name the engines")
        return self

    @model_validator(mode="after")
    def _one_key_fits(self) -> TrafficOptions:
        if self.max_waiting_per_key > self.max_waiting:
            raise ValueError("max_waiting_per_key is larger than max_waiting")
        return self
