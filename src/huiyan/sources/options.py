"""The model store's settings; `settings` composes them, nothing here reads the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class StoreOptions(BaseModel):
    """Frozen; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hub: str = Field(
        "modelscope",
        description="Source of models: modelscope, huggingface, file:///DIRECTORY, http(s)://MIRROR, "
        "huiyan+http(s)://HOST; several, comma-separated, are tried in order.",
    )
    store_dir: Path | None = Field(None, description="Where models are kept; <data_dir>/models if not given.")
    offline: bool = Field(False, description="Never use the network for models.")
    key_file: Path | None = Field(
        None, description="File with the key that another machine's `models serve` asks for."
    )
    parallel: int = Field(4, ge=1, le=64, description="Connections at once; one more brings small files.")
    chunk_bytes: int = Field(
        32 * 1024 * 1024, ge=64 * 1024, description="A larger file is fetched in ranges of this size."
    )
    bandwidth_bytes_per_s: int | None = Field(
        None, ge=1024, description="Most that all connections together take; None: no limit."
    )
    retries: int = Field(6, ge=0, le=100, description="Attempts after failures without progress.")
    connect_timeout_s: float = Field(10.0, gt=0, description="Until a connection is made.")
    read_timeout_s: float = Field(30.0, gt=0, description="Longest silence of a source.")
    modelscope_endpoint: str = Field("https://modelscope.cn", description="Address of ModelScope.")
    huggingface_endpoint: str = Field(
        "https://huggingface.co", description="Address of Hugging Face, or of a copy of it."
    )

    def directory(self, data_dir: Path) -> Path:
        return (self.store_dir or data_dir / "models").expanduser().absolute()
