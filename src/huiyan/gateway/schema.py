"""Bodies of huiyan's own routes. `just gen` turns them into schemas/openapi.json and the page's types.

`/v1/*` bodies are OpenAI's and are passed on, so only what the gateway reads is typed here.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from huiyan.engines.status import EngineStatus, ModelCard
from huiyan.store.fetching import FetchStatus


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """`message` says what is wrong, `hint` what to do; `code` is stable."""

    message: str
    type: str
    code: str
    param: str | None = None
    request_id: str
    hint: str


class ErrorBody(msgspec.Struct, frozen=True):
    error: ErrorDetail


class GatewayHealth(msgspec.Struct, frozen=True, kw_only=True):
    status: Literal["ok"] = "ok"
    version: str
    uptime_s: float
    active_requests: int


class EngineHealth(msgspec.Struct, frozen=True, kw_only=True):
    status: Literal["ok", "degraded", "down"]
    engine: EngineStatus


class BackendStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One of several engines. ejected_s: until it is tried again; null: it is not ejected."""

    name: str
    engine: EngineStatus
    in_flight: int
    draining: bool
    ejected_s: float | None


class HealthComponents(msgspec.Struct, frozen=True, omit_defaults=True):
    """`engine` is as good as the best of `backends`, which are there where the settings name engines."""

    gateway: GatewayHealth
    engine: EngineHealth
    backends: list[BackendStatus] = []


class Health(msgspec.Struct, frozen=True):
    """`GET /health`. 200 for ok and degraded (still loading, restarting), 503 for down."""

    status: Literal["ok", "degraded", "down"]
    components: HealthComponents


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    max_body_bytes: int
    max_images: int
    max_image_bytes: int
    max_image_pixels: int


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """What this server can do beyond chat; the page shows nothing that is false here."""

    answer_reattach: bool = True
    multipart: bool = False
    image_upload: bool = False
    tools: bool = False
    model_fetch: bool = False


class AdapterInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The prompt adapter that requests go through; `builtin` is huiyan's own."""

    id: str
    version: str


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /api/info`. boot_id changes with every gateway process."""

    version: str
    boot_id: str
    adapter: AdapterInfo
    model: ModelCard
    engine: EngineStatus
    limits: Limits
    features: Features
    answer_grace_s: float
    answer_keep_s: float


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "huiyan"


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ModelEntry]


class TokenizeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /api/tokenize`: either one text or several (answered in their order)."""

    text: str | list[str]


class TokenizeResponse(msgspec.Struct, frozen=True):
    """Token counts by the engine's own tokenizer, without the chat template."""

    counts: list[int]


class HelloEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`event: hello`, the first on each `/api/events` stream."""

    version: str
    boot_id: str
    model: ModelCard
    engine: EngineStatus
    fetch: FetchStatus | None = None


class BrowserLogEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /api/logs`: an error that the page met."""

    level: Literal["error", "warning", "info"]
    message: str
    request_id: str | None = None
    context: dict[str, Any] = {}
