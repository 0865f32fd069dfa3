"""How a transfer behaves."""

from __future__ import annotations

import msgspec

from huiyan.sources.options import StoreOptions


class TransferOptions(msgspec.Struct, frozen=True, kw_only=True):
    """parallel: connections at the same time. retries: attempts after failures without any progress between.

    backoff_s: the first wait is up to this, each further one up to twice as much, never over `max_wait_s`;
    a source that asks for a longer wait than `max_wait_s` (Retry-After) has failed.
    """

    parallel: int = 4
    chunk_bytes: int = 32 * 1024 * 1024
    bandwidth_bytes_per_s: int | None = None
    retries: int = 6
    backoff_s: float = 0.5
    max_wait_s: float = 60.0
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    progress_every_s: float = 0.25

    @classmethod
    def of(cls, options: StoreOptions) -> TransferOptions:
        return cls(
            parallel=options.parallel,
            chunk_bytes=options.chunk_bytes,
            bandwidth_bytes_per_s=options.bandwidth_bytes_per_s,
            retries=options.retries,
            connect_timeout_s=options.connect_timeout_s,
            read_timeout_s=options.read_timeout_s,
        )
