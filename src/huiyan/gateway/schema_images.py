"""Bodies of `/api/images`."""

from __future__ import annotations

import msgspec


class KeptImage(msgspec.Struct, frozen=True, kw_only=True):
    """`PUT /api/images/{sha256}`: 201 when it was taken in, 200 when it was there already.

    size_bytes: as kept, without metadata. width, height: pixels, upright. expires_s: from its last use.
    """

    sha256: str
    size_bytes: int
    width: int
    height: int
    expires_s: float
