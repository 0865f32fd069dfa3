"""An engine's refusals as ours."""

import pytest

from huiyan import errors as e
from huiyan.gateway.relay import error_from


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, b'{"error":{"code":400,"message":"bad thing","type":"x"}}', e.EngineRefusedError, "bad thing"),
        (422, b'{"error":"plain"}', e.EngineRefusedError, "plain"),
        (400, b'{"message":"vllm style"}', e.EngineRefusedError, "vllm style"),
        (404, b"<html>", e.EngineRefusedError, "The engine refused the request (404)."),
        (
            400,
            b'{"error":{"message":"too long","type":"exceed_context_size_error"}}',
            e.ContextExceededError,
            "too long",
        ),
        (
            400,
            b'{"error":{"message":"maximum context length is 4096"}}',
            e.ContextExceededError,
            "maximum context",
        ),
        (401, b'{"error":{"message":"Invalid API Key"}}', e.EngineProtocolError, "gateway's key"),
        (503, b'{"error":{"message":"Loading model"}}', e.EngineStartingError, "Loading model"),
        (500, b'{"error":{"message":"boom"}}', e.EngineError, "boom"),
        (500, b"", e.EngineError, "The engine failed (500)."),
        (400, b"[" * 100_000, e.EngineRefusedError, "refused"),
    ],
)
def test_error_from(status: int, body: bytes, kind: type[e.HuiyanError], message: str) -> None:
    error = error_from(status, body)
    assert type(error) is kind
    assert message in error.message
    if isinstance(error, e.EngineRefusedError):
        assert error.status == status
