"""How large pictures may be, and what is known of one that has been read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MediaType = Literal["image/jpeg", "image/png"]

#: OpenAI's `image_url.detail`.
Detail = Literal["low", "high", "auto"]

#: One visual token of Qwen3-VL: patch 16, merged 2 by 2.
TOKEN_PIXELS = 32 * 32


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """max_bytes: of the file. max_pixels: width x height, checked before decoding, as max_frames is."""

    max_bytes: int = 32 * 1024 * 1024
    max_pixels: int = 80_000_000
    max_frames: int = 500


@dataclass(frozen=True, slots=True)
class DetailPixels:
    """Pixels (width x height) that a picture is scaled down to; it is never scaled up."""

    low: int = 256 * TOKEN_PIXELS
    high: int = 16_384 * TOKEN_PIXELS
    auto: int = 16_384 * TOKEN_PIXELS

    @classmethod
    def of_tokens(cls, image_max_tokens: int) -> DetailPixels:
        """For a model that takes so many visual tokens of one picture: `high` and `auto` are its most."""
        most = image_max_tokens * TOKEN_PIXELS
        return cls(low=min(256 * TOKEN_PIXELS, most), high=most, auto=most)

    def of(self, detail: str | None) -> int:
        """The bound for OpenAI's `detail`; anything unknown is `auto`."""
        if detail == "low":
            return self.low
        return self.high if detail == "high" else self.auto


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """data: the file to send, without metadata. width, height: pixels, after turning upright.

    changed: `data` is not byte for byte what came in. resized: it has fewer pixels than what came in.
    """

    data: bytes
    media_type: MediaType
    width: int
    height: int
    changed: bool
    resized: bool = False
