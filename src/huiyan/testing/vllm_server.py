"""The HTTP side of the vLLM stand-in: its words for what the contract asks, its metrics, its dev routes."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Final

from huiyan.testing import openai_bodies as bodies
from huiyan.testing.fake_engine import FakeEngine
from huiyan.testing.http_server import Connection
from huiyan.testing.recording import RecordedRequest
from huiyan.testing.script import Reply

_BLOCK_TOKENS: Final = 16
#: In a tower's bytes: it is refused before a tensor is loaded; loading fails in the middle; it sees nothing.
REFUSED: Final = b"<refused>"
LOST: Final = b"<lost>"
NOISE: Final = b"<noise>"
NOISE_SAYS: Final = "嗯嗯嗯。"


def tower_digest(directory: Path) -> str:
    """Stands for the checksum of the vision tower in a directory's shards."""
    digest = hashlib.sha256()
    for path in sorted(directory.glob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class VllmServer(FakeEngine):
    """dev_routes: whether /pause and the others exist. kv_tokens: size of the cache that it claims."""

    def __init__(
        self,
        *,
        api_key: str,
        model: str,
        context_tokens: int = 4096,
        dev_routes: bool = True,
        kv_tokens: int = 86_272,
        answer: str = "这是一个红色的圆形。",
        tower: Path | None = None,
    ) -> None:
        """tower: directory of the model that was loaded; `huiyan_swap_vision` looks at another one."""
        super().__init__(api_key=api_key, model=model, context_tokens=context_tokens)
        self.default_reply = Reply(text=answer)
        self._says = answer
        self._tower = "" if tower is None else tower_digest(tower)
        self.kv_tokens = kv_tokens
        self.dev_routes = dev_routes
        self.paused = asyncio.Event()
        self.calls: list[tuple[str, str]] = []

    async def start_unix(self, path: str) -> None:
        await self.http.start_unix(path)

    async def _send_json(self, connection: Connection, status: int, content: object) -> None:
        """Errors in vLLM's words: other types than llama.cpp's, and FastAPI's own for an unknown route."""
        if status == 404:
            content = {"detail": "Not Found"}
        elif status >= 400 and status != 401 and isinstance(content, dict):
            kind = "BadRequestError" if status == 400 else "InternalServerError"
            message = content["error"]["message"]
            content = {"error": {"message": message, "type": kind, "param": None, "code": status}}
        await super()._send_json(connection, status, content)

    async def _route(self, connection: Connection, request: RecordedRequest) -> None:
        path, method = request.path, request.method
        if path == "/health" and method == "GET":
            await connection.write_body(200, b"", "text/plain")
            return
        if self.api_key and request.header("authorization") != f"Bearer {self.api_key}":
            raise bodies.BadRequestError(401, "Invalid API Key", "authentication_error")
        if path == "/metrics" and method == "GET":
            await connection.write_body(200, self.metrics().encode(), "text/plain; version=1.0.0")
        elif self.dev_routes and (answer := self._dev(request)) is not None:
            await self._send_json(connection, 200, answer)
        elif path == "/tokenize" and method == "POST":
            given = bodies.decode_object(request.body)
            pieces = bodies.tokens(str(given.get("prompt", "")))
            count = {"count": len(pieces), "max_model_len": self.context_tokens}
            await self._send_json(connection, 200, {**count, "tokens": list(range(len(pieces)))})
        else:
            await super()._route(connection, request)

    def _dev(self, request: RecordedRequest) -> dict[str, Any] | None:
        """What a development route answers; None where this is none."""
        path = request.path
        self.calls.append((request.method, request.target))
        match request.method, path:
            case "GET", "/is_paused":
                return {"is_paused": self.paused.is_set()}
            case "POST", "/pause":
                self.paused.set()
                return {"status": "paused"}
            case "POST", "/resume":
                self.paused.clear()
                return {"status": "resumed"}
            case "POST", "/reset_prefix_cache" | "/reset_mm_cache" | "/reset_encoder_cache":
                return {}
            case "POST", "/collective_rpc":
                return {"results": [self._rpc(bodies.decode_object(request.body))]}
        return None

    def _rpc(self, call: dict[str, Any]) -> object:
        match call.get("method"):
            case "huiyan_vision_checksum":
                return self._tower or "0" * 16
            case "huiyan_swap_vision":
                return self._swap(Path(str(call.get("kwargs", {}).get("path", ""))))
        raise bodies.BadRequestError(500, f"no method {call.get('method')!r}", "InternalServerError")

    def _swap(self, path: Path) -> dict[str, Any]:
        """As the extension does. What a test wrote into the new tower's bytes says how it goes."""
        before = self._tower
        if path.is_dir():
            data = b"".join(shard.read_bytes() for shard in sorted(path.glob("*.safetensors")))
            if REFUSED in data or not data:
                raise bodies.BadRequestError(500, f"{path}: tensors do not fit", "InternalServerError")
            self._tower = tower_digest(path)
            if LOST in data:
                raise bodies.BadRequestError(500, "CUDA error", "InternalServerError")
            self.default_reply = Reply(text=NOISE_SAYS if NOISE in data else self._says)
        figures = {"tensors": 351, "bytes": 1_152_776_672, "read_s": 0.2, "load_s": 0.1}
        return {**figures, "before": before, "after": self._tower}

    def _models(self) -> dict[str, Any]:
        entry = {
            "id": self.model,
            "object": "model",
            "created": 0,
            "owned_by": "vllm",
            "max_model_len": self.context_tokens,
        }
        return {"object": "list", "data": [entry]}

    def metrics(self) -> str:
        """The series that the gateway reads, as vLLM writes them."""
        running = sum(1 for r in self.completions if not r.finished.is_set() and not r.cancelled.is_set())
        blocks = self.kv_tokens // _BLOCK_TOKENS
        label = f'engine="0",model_name="{self.model}"'
        info = f'block_size="{_BLOCK_TOKENS}",engine="0",num_gpu_blocks="{blocks}"'
        return (
            f"vllm:num_requests_running{{{label}}} {float(running)}\n"
            f"vllm:num_requests_waiting{{{label}}} 0.0\n"
            f"vllm:kv_cache_usage_perc{{{label}}} 0.0\n"
            f"vllm:cache_config_info{{{info}}} 1.0\n"
        )
