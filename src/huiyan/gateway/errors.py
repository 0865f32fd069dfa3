"""From exception types to HTTP: the one place that knows statuses, and the one error body."""

from __future__ import annotations

import math

import msgspec

from huiyan import errors as e
from huiyan.gateway.schema import ErrorBody, ErrorDetail

#: The most specific class on an exception's MRO wins.
STATUS: dict[type[e.HuiyanError], int] = {
    e.HuiyanError: 500,
    e.RequestError: 400,
    e.AuthenticationError: 401,
    e.ForbiddenError: 403,
    e.NotFoundError: 404,
    e.MethodNotAllowedError: 405,
    e.ConflictError: 409,
    e.ModelBusyError: 409,
    e.NoLauncherError: 409,
    e.ImageMissingError: 409,
    e.PayloadTooLargeError: 413,
    e.UnsupportedMediaTypeError: 415,
    e.QueueFullError: 429,
    e.LimitsUnavailableError: 503,
    e.KeysUnavailableError: 503,
    e.EngineError: 502,
    e.EngineStartingError: 503,
    e.EngineTimeoutError: 504,
    e.StoreError: 500,
    e.DigestMismatchError: 502,
    e.DiskFullError: 507,
    e.ModelNotInStoreError: 404,
    e.ArchiveRefusedError: 400,
    e.PullInterruptedError: 503,
    e.SourceError: 502,
    e.OfflineError: 503,
    e.SourceUnreachableError: 504,
    e.SourceNotFoundError: 404,
    e.UpdateError: 500,
    e.ReleaseFeedError: 502,
    e.ComponentMismatchError: 409,
    e.UpdateRunningError: 409,
    e.ComponentUnknownError: 404,
    e.NoFeedError: 409,
    e.UpdateNotOfferedError: 409,
    e.DowngradeRefusedError: 409,
    e.NoRollbackError: 409,
    e.ToolError: 500,
    e.ToolFailedError: 502,
    e.ToolStartError: 502,
    e.ToolDiedError: 502,
    e.ToolLimitError: 502,
    e.ToolTimeoutError: 504,
    e.ToolsUnavailableError: 503,
    e.SettingsError: 500,
    e.ClusterError: 500,
    e.CheckRefusedError: 500,
}

#: OpenAI's `type` for each status; its SDKs choose their exception by the status.
_TYPE = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    502: "engine_error",
    503: "engine_error",
    504: "engine_error",
    507: "server_error",
    500: "server_error",
}


def status_of(error: e.HuiyanError) -> int:
    """The HTTP status for an error (an engine's own 4xx keeps its own)."""
    if isinstance(error, e.EngineRefusedError):
        return error.status
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def body_of(error: e.HuiyanError, request_id: str) -> bytes:
    """OpenAI's error object with our `request_id` and `hint`, as JSON."""
    return msgspec.json.encode(
        ErrorBody(
            ErrorDetail(
                message=error.message,
                type=_TYPE.get(status_of(error), "invalid_request_error"),
                code=error.code,
                param=error.param,
                request_id=request_id,
                hint=error.hint,
            )
        )
    )


def headers_of(error: e.HuiyanError) -> list[tuple[bytes, bytes]]:
    """Retry-After where there is something to wait for, and what a limit says of itself."""
    more: list[tuple[bytes, bytes]] = getattr(error, "headers", [])
    if isinstance(error, e.AuthenticationError):
        return [*more, (b"www-authenticate", b"Bearer")]
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is None:
        return more
    return [*more, (b"retry-after", str(max(1, math.ceil(retry_after_s))).encode("ascii"))]


def unexpected() -> e.HuiyanError:
    """What a client is told about an exception that nobody foresaw: nothing of its inside."""
    return e.HuiyanError(
        "Something unforeseen happened in the gateway.",
        hint="Send the request again; `huiyan logs` has the details under this request id.",
    )
