"""Replaces the vision tower of a running vLLM: pause with requests kept, load, forget what is cached, resume.

The prefix cache must go, too: blocks that were computed from the old tower's embeddings stay valid by hash
otherwise. Measured in docs/concepts/engines.md.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from huiyan.engines.status import EngineEndpoint
from huiyan.engines.upstream import Pool
from huiyan.errors import EngineError, EngineLostError
from huiyan.messages import advice_of, cause_of, refusal

#: A tower of a gigabyte is read and loaded in a second from a local disk; a network share may take longer.
_LOAD_TIMEOUT_S: Final = 120.0
_STEP_TIMEOUT_S: Final = 30.0
_RESETS: Final = ("/reset_mm_cache", "/reset_prefix_cache", "/reset_encoder_cache")


@dataclass(frozen=True, kw_only=True)
class Swapped:
    """frozen_s: from the pause to the resume. before, after: the tower's checksums, as the worker says."""

    frozen_s: float
    tensors: int
    size_bytes: int
    before: str
    after: str


async def swap_vision(endpoint: EngineEndpoint, directory: Path) -> Swapped:
    """Load `model.visual.*` from the safetensors files in `directory`.

    Raises: EngineError when the engine serves on with the old tower, EngineLostError when it is not known
    what it holds: it has to be started anew.
    """
    pool = Pool(endpoint)
    loop = asyncio.get_running_loop()
    try:
        before = await _checksum(pool)
        started_s = loop.time()
        try:
            await _post(pool, "/pause?mode=keep")
            call = {"method": "huiyan_swap_vision", "kwargs": {"path": str(directory)}}
            result = _first(await _post(pool, "/collective_rpc", call, timeout_s=_LOAD_TIMEOUT_S))
            for path in _RESETS:
                await _post(pool, path)
        except EngineError as error:
            await _go_on(pool, before, error)
            raise refusal(
                EngineError, "swap.refused", cause=cause_of(error), advice=advice_of(error)
            ) from error
        try:
            await _post(pool, "/resume")
        except EngineError as error:
            raise _lost(error) from error
        return Swapped(
            frozen_s=loop.time() - started_s,
            tensors=int(result.get("tensors", 0)),
            size_bytes=int(result.get("bytes", 0)),
            before=str(result.get("before", before)),
            after=str(result.get("after", "")),
        )
    finally:
        pool.close()


async def _go_on(pool: Pool, before: str, cause: EngineError) -> None:
    """Let it serve with the old tower, if that is what it has. Raises: EngineLostError."""
    try:
        # Refused before the first tensor, the tower is what it was.
        if await _checksum(pool) == before:
            await _post(pool, "/resume")
            return
    except EngineError as error:
        raise _lost(cause) from error
    raise _lost(cause)


def _lost(cause: EngineError) -> EngineLostError:
    return refusal(EngineLostError, "swap.lost", cause=cause_of(cause))


async def _checksum(pool: Pool) -> str:
    call = {"method": "huiyan_vision_checksum"}
    answer = await _post(pool, "/collective_rpc", call)
    try:
        return str(answer["results"][0])
    except (LookupError, TypeError):
        raise refusal(EngineError, "swap.no_extension") from None


def _first(answer: Any) -> dict[str, Any]:
    """What the first worker answered. Raises: EngineError."""
    try:
        found = answer["results"][0]
    except (LookupError, TypeError):
        found = None
    if not isinstance(found, dict):
        raise refusal(EngineError, "swap.odd_answer")
    return found


async def _post(pool: Pool, path: str, payload: object = None, *, timeout_s: float = _STEP_TIMEOUT_S) -> Any:
    """The answer's JSON. Raises: EngineError."""
    data = b"" if payload is None else msgspec.json.encode(payload)
    status, answer = await pool.fetch("POST", path, body=data, timeout_s=timeout_s)
    if status != 200:
        raise refusal(
            EngineError,
            "swap.status",
            path=path.partition("?")[0],
            status=status,
            answer=answer[:300].decode("utf-8", "replace"),
        )
    try:
        return msgspec.json.decode(answer) if answer else None
    except msgspec.DecodeError as error:
        raise refusal(EngineError, "swap.no_json", path=path) from error
