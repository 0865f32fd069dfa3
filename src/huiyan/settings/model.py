"""All settings of huiyan in one tree: each package's options under its own name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from huiyan.cluster.options import ClusterOptions
from huiyan.engines.options import EngineOptions
from huiyan.gateway.options import GatewayOptions
from huiyan.sources.options import StoreOptions


class LauncherOptions(BaseModel):
    """What `start` does. Frozen; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout_s: float = Field(900.0, gt=0, description="From the command until everything is ready.")
    gateway_timeout_s: float = Field(30.0, gt=0, description="Until the gateway serves the page.")
    drain_timeout_s: float = Field(12.0, ge=0, description="For running answers when huiyan is stopped.")
    open_browser: bool = Field(True, description="Open the page when there is a screen.")
    min_free_disk_bytes: int = Field(256 * 1024 * 1024, ge=0, description="Refuse to start with less.")
    upgrade_engines: Literal["auto", "beside", "in_turn"] = Field(
        "auto",
        description="At a full upgrade: both engines at the same time for a while, or one after the other.",
    )
    upgrade_drain_s: float = Field(
        900.0, gt=0, description="Longest time that the gateway of the version before gets for its answers."
    )
    upgrade_turn_s: float = Field(
        60.0, gt=0, description="The same where new requests wait for it; pages go on by themselves after it."
    )
    log_max_bytes: int = Field(20 * 1024 * 1024, ge=4096, description="Size of one log file.")
    log_files: int = Field(5, ge=1, le=100, description="Log files that are kept.")


class Settings(BaseSettings):
    """Everything, frozen. data_dir: logs, lock and the record of verified files lie there."""

    model_config = SettingsConfigDict(
        env_prefix="HUIYAN_", env_nested_delimiter="__", extra="forbid", frozen=True, case_sensitive=False
    )

    data_dir: Path = Field(description="Directory for logs, lock and state.")
    lang: Literal["auto", "zh", "en"] = Field("auto", description="Language of the command line.")
    update_feed: str | None = Field(
        None, description="Where `huiyan update` looks for releases: a path, or an http(s) URL."
    )
    gateway: GatewayOptions = Field(default_factory=lambda: GatewayOptions.model_validate({}))
    engine: EngineOptions = Field(default_factory=lambda: EngineOptions.model_validate({}))
    launcher: LauncherOptions = Field(default_factory=lambda: LauncherOptions.model_validate({}))
    models: StoreOptions = Field(default_factory=lambda: StoreOptions.model_validate({}))
    cluster: ClusterOptions = Field(default_factory=lambda: ClusterOptions.model_validate({}))

    def explicit(
        self, section: Literal["gateway", "engine", "launcher", "models", "cluster"], name: str
    ) -> bool:
        """Whether somebody asked for this value: by flag, environment or file."""
        options: BaseModel = getattr(self, section)
        return name in options.model_fields_set
