"""Pictures of requests on their way to the engine: threads that wait for decoders, and what they share."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from huiyan.engines.status import ModelCard
from huiyan.errors import EngineError, HuiyanError, QueueFullError
from huiyan.gateway.adapter import BUILT_IN, PromptAdapter
from huiyan.gateway.errors import unexpected
from huiyan.gateway.options import GatewayOptions
from huiyan.gateway.pictures.limits import DetailPixels, ImageLimits
from huiyan.gateway.pictures.pool import DecodePool
from huiyan.gateway.pictures.prepare import Prepared, Workshop, prepare
from huiyan.gateway.pictures.remote import RemoteRules
from huiyan.gateway.pictures.store import ImageStore
from huiyan.gateway.run import Asked, PicturesDone
from huiyan.log import get_logger

_log = get_logger(__name__)

#: Requests whose pictures wait for a decoder, for each decoder; more are refused with Retry-After.
_WAITING_PER_DECODER = 16

_THREADS = 16

#: Decoders that had nothing to do for so long are ended, and what is kept is looked over.
_SWEEP_S = 60.0
_IDLE_DECODER_S = 600.0


class PictureReader:
    """Made in a running loop. directory: for uploaded pictures; one of its own for the time being if None."""

    def __init__(self, options: GatewayOptions, directory: Path | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._most = _WAITING_PER_DECODER * options.decode_workers
        self._own = tempfile.TemporaryDirectory(prefix="huiyan-") if directory is None else None
        # They only wait: for a decoder, and for the disk.
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pictures")
        self._decoders = DecodePool(
            processes=options.decode_workers,
            max_decoded_bytes=options.max_decoded_bytes,
            time_limit_s=options.decode_timeout_s,
        )
        root = directory if directory is not None else Path(self._own.name if self._own else ".")
        store = ImageStore(
            root,
            max_bytes_per_owner=options.images_max_bytes_per_key,
            max_total_bytes=options.images_max_bytes,
            keep_s=options.images_keep_s,
        )
        limits = ImageLimits(
            max_bytes=options.max_image_bytes,
            max_pixels=options.max_image_pixels,
            max_frames=options.max_image_frames,
        )
        remote = RemoteRules(allowed_hosts=options.image_hosts, max_bytes=options.max_image_bytes)
        self.workshop = Workshop(self._decoders, store, limits, remote)
        self.adapter: PromptAdapter = BUILT_IN
        self.reading = 0
        self._timer = self._loop.call_later(_SWEEP_S, self._sweep)

    def name_for_engine(self, dialect: str) -> None:
        """VLLM caches pictures by a name that comes with them; others are not told one."""
        self.workshop = dataclasses.replace(self.workshop, uuids=dialect == "vllm")

    def read(self, asked: Asked, card: ModelCard, adapter: PromptAdapter, done: PicturesDone) -> None:
        """Read and check every picture of the request; `done` hears of it, at once where it is refused."""
        if self.reading >= self._most:
            done(
                QueueFullError(
                    "Too many pictures are waiting to be read.", retry_after_s=2.0, hint="Try again."
                )
            )
            return
        self.reading += 1
        admitted = asked.admitted
        work = functools.partial(
            prepare,
            admitted.body,
            admitted.images,
            asked.principal.id,
            self.workshop,
            detail=DetailPixels.of_tokens(card.image_max_tokens),
            adapter=adapter,
            attachments=admitted.files,
        )
        future = self._loop.run_in_executor(self.threads, work)
        future.add_done_callback(functools.partial(self._read, done=done))

    async def close(self) -> None:
        self._timer.cancel()
        self._decoders.close()
        self.threads.shutdown(wait=False, cancel_futures=True)
        if self._own is not None:
            await asyncio.to_thread(self._own.cleanup)

    def _read(self, future: asyncio.Future[Prepared], done: PicturesDone) -> None:
        self.reading -= 1
        if future.cancelled():
            done(EngineError("The gateway is shutting down."))
            return
        error = future.exception()
        if error is None:
            prepared = future.result()
            done((prepared.pieces, prepared.sizes))
        elif isinstance(error, HuiyanError):
            done(error)
        else:
            _log.error("picture intake failed", exc_info=error)
            done(unexpected())

    def _sweep(self) -> None:
        self._timer = self._loop.call_later(_SWEEP_S, self._sweep)
        self._loop.run_in_executor(self.threads, self._decoders.reap, _IDLE_DECODER_S)
        self._loop.run_in_executor(self.threads, self.workshop.store.sweep)
