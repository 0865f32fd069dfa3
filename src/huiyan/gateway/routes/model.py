"""What is served: `/v1/models`, `/api/info`, `/api/tokenize`."""

from __future__ import annotations

import asyncio
import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from huiyan import __version__
from huiyan.errors import EngineProtocolError, ModelNotFoundError
from huiyan.gateway.admission import check_engine
from huiyan.gateway.relay import error_from
from huiyan.gateway.routes.responses import json_response, read_json
from huiyan.gateway.schema import (
    AdapterInfo,
    Features,
    Info,
    Limits,
    ModelEntry,
    ModelList,
    TokenizeRequest,
    TokenizeResponse,
)
from huiyan.gateway.service import Gateway

_MAX_TOKENIZE_BYTES = 4 * 1024 * 1024
_MAX_TEXTS = 1024

#: Texts of one request that the engine counts at the same time: it takes one each, on a connection each.
_MAX_COUNTING = 16


class _Tokens(msgspec.Struct):
    """llama.cpp's and vLLM's answer to /tokenize agree in this field."""

    tokens: list[int]


class ModelRoutes:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._created_unix_s = int(time.time())

    async def list_models(self, request: Request) -> Response:
        return json_response(ModelList(data=[self._entry()]))

    async def get_model(self, request: Request) -> Response:
        wanted = request.path_params["model_id"]
        if wanted != self._gateway.model.id:
            raise ModelNotFoundError(
                f"The model {wanted!r} is not being served here.",
                hint="GET /v1/models lists what is.",
                param="model",
            )
        return json_response(self._entry())

    async def info(self, request: Request) -> Response:
        gateway = self._gateway
        options = gateway.options
        return json_response(
            Info(
                version=__version__,
                boot_id=gateway.boot_id,
                adapter=AdapterInfo(id=gateway.pictures.adapter.id, version=gateway.pictures.adapter.version),
                model=gateway.model,
                engine=gateway.engine,
                limits=Limits(
                    max_body_bytes=options.max_body_bytes,
                    max_images=min(options.max_images, gateway.model.max_images),
                    max_image_bytes=options.max_image_bytes,
                    max_image_pixels=options.max_image_pixels,
                ),
                features=Features(multipart=True, image_upload=True, tools=True),
                answer_grace_s=options.answer_grace_s,
                answer_keep_s=options.answer_keep_s,
            )
        )

    async def tokenize(self, request: Request) -> Response:
        """Counts by the engine's own tokenizer, without special tokens or template."""
        asked = await read_json(request, TokenizeRequest, max_bytes=_MAX_TOKENIZE_BYTES)
        texts = [asked.text] if isinstance(asked.text, str) else asked.text[:_MAX_TEXTS]
        error = check_engine(self._gateway.engine)
        if error is not None:
            raise error
        turns = asyncio.Semaphore(_MAX_COUNTING)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._count(text, turns)) for text in texts]
        return json_response(TokenizeResponse([task.result() for task in tasks]))

    async def _count(self, text: str, turns: asyncio.Semaphore) -> int:
        if not text:
            return 0
        payload = msgspec.json.encode({"content": text, "prompt": text, "add_special_tokens": False})
        async with turns:
            status, body = await self._gateway.pool.fetch("POST", "/tokenize", body=payload)
        if status != 200:
            raise error_from(status, body)
        try:
            return len(msgspec.json.decode(body, type=_Tokens).tokens)
        except msgspec.DecodeError:
            raise EngineProtocolError("The engine's token counts are not readable.") from None

    def _entry(self) -> ModelEntry:
        return ModelEntry(id=self._gateway.model.id, created=self._created_unix_s)
