"""The gateway's own settings; `settings.py` composes them, nothing here reads the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from huiyan.gateway.access.options import AccessOptions
from huiyan.gateway.tls import TlsOptions
from huiyan.gateway.traffic_options import TrafficOptions


class GatewayOptions(BaseModel):
    """Frozen; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on. Anything but loopback needs API keys.")
    port: int = Field(8000, ge=0, le=65535, description="Port of the page and the API; 0 takes any free one.")
    max_body_bytes: int = Field(
        96 * 1024 * 1024, ge=1024, description="Largest request body; nine large pictures as base64 fit."
    )
    max_images: int = Field(9, ge=1, le=64, description="Pictures in one request.")
    max_image_bytes: int = Field(32 * 1024 * 1024, ge=1024, description="Bytes of one picture file.")
    max_image_pixels: int = Field(80_000_000, ge=65_536, description="Width x height of one picture.")
    decode_workers: int = Field(2, ge=1, le=32, description="Pictures decoded at the same time.")
    header_timeout_s: float = Field(
        15.0, gt=0, description="From a connection's first byte to its last header."
    )
    body_timeout_s: float = Field(60.0, gt=0, description="Longest pause within a request body.")
    engine_connect_timeout_s: float = Field(5.0, gt=0, description="To reach the engine.")
    engine_idle_timeout_s: float = Field(
        600.0,
        gt=0,
        description="Longest silence of the engine; the prefill of a long prompt may take minutes.",
    )
    answer_grace_s: float = Field(
        15.0, ge=0, description="How long an answer with an Idempotency-Key goes on without a reader."
    )
    answer_keep_s: float = Field(600.0, ge=0, description="How long a finished answer can be read again.")
    answers_max_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, description="Memory for answers kept in that way."
    )
    static_dir: Path | None = Field(None, description="Page files; the ones in the package unless given.")
    max_image_frames: int = Field(500, ge=1, description="Frames of one animated picture.")
    max_decoded_bytes: int = Field(
        768 * 1024 * 1024, ge=1024 * 1024, description="Memory for the pixels of all pictures being read."
    )
    decode_timeout_s: float = Field(15.0, gt=0, description="For reading one picture.")
    image_hosts: tuple[str, ...] = Field(
        (), description="Hosts from which pictures are fetched on a request's word; none unless named."
    )
    images_keep_s: float = Field(
        3600.0, gt=0, description="How long an uploaded picture can be referred to after its last use."
    )
    images_max_bytes: int = Field(
        1024 * 1024 * 1024, ge=1024 * 1024, description="Disk for uploaded pictures, of everybody together."
    )
    images_max_bytes_per_key: int = Field(
        256 * 1024 * 1024, ge=1024 * 1024, description="Disk for the uploaded pictures of one key."
    )
    metrics_per_key: bool = Field(False, description="Requests and tokens of each key in /metrics.")
    traffic: TrafficOptions = Field(
        default_factory=lambda: TrafficOptions.model_validate({}),
        description="Waiting, token budget, engines elsewhere, worker processes.",
    )
    tls: TlsOptions = Field(default_factory=lambda: TlsOptions.model_validate({}), description="HTTPS.")
    access: AccessOptions = Field(
        default_factory=lambda: AccessOptions.model_validate({}),
        description="Keys, proxies, sessions, limits.",
    )
