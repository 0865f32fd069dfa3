"""Settings of engines on a Ray cluster; `settings` composes them, nothing here reads the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ClusterOptions(BaseModel):
    """Frozen; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        "huiyan",
        pattern=r"^[a-z][a-z0-9-]{0,30}$",
        description="Of the deployment; a cluster may have several.",
    )
    address: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9.:\[\]-]{1,255}:[0-9]{1,5}$",
        description="HOST:PORT of a Ray cluster's head that somebody runs; none: one on this machine alone.",
    )
    min_replicas: int = Field(1, ge=1, le=512, description="Engines at all times.")
    max_replicas: int | None = Field(
        None, ge=1, le=512, description="Engines at most, when there is much to do; as many as at all times."
    )
    target_load: float = Field(
        2.0,
        gt=0,
        le=1024,
        description="Requests in one engine, waiting ones included, from which more are added.",
    )
    upscale_delay_s: float = Field(
        10.0, ge=0, description="How long the load has to last until one is added."
    )
    downscale_delay_s: float = Field(300.0, ge=0, description="How long it has to be gone until one goes.")
    cpus_per_replica: float = Field(1.0, gt=0, le=256, description="CPUs that Ray sets aside for one engine.")
    http_host: str = Field("127.0.0.1", description="Where the cluster's head tells which engines there are.")
    http_port: int = Field(8100, ge=1, le=65535, description="And on which port.")
    node_python: Path | None = Field(
        None, description="huiyan's interpreter on every node; the one that runs the command unless given."
    )
    object_store_mib: int = Field(
        100,
        ge=80,
        le=1024 * 1024,
        description="Shared memory of a cluster on this machine; engines use none.",
    )
    local_cpus: int | None = Field(
        None, ge=1, le=1024, description="CPUs of a cluster on this machine; all of them unless given."
    )
    lock: Path | None = Field(
        None,
        description="models.lock that names the model's files; each node fetches and checks them itself.",
    )
    start_timeout_s: float = Field(
        1800.0, gt=0, description="For one engine, the fetch of its model included."
    )

    @model_validator(mode="after")
    def _bounds(self) -> ClusterOptions:
        if self.max_replicas is not None and self.max_replicas < self.min_replicas:
            raise ValueError("max_replicas is smaller than min_replicas")
        return self

    @property
    def most_replicas(self) -> int:
        return self.max_replicas or self.min_replicas
