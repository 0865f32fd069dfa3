"""A client library in a process of its own, told what to ask by JSON lines and answering in kind.

A command: `base_url`, `model`, `messages`, `tools`, `stream`, `timeout_s`, `max_retries`.
Its answer: `text`, `pieces` (with text in them), `tool_calls` (name, arguments), `finish_reason`,
`total_tokens`; or `error`: `kinds` (its class and that class's bases), `status`, `code`, `message`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

_ANSWER_LIMIT_S = 60.0


class DriverError(Exception):
    """What the library raised. kinds: the name of its class, then those of the bases."""

    def __init__(self, kinds: list[str], status: int | None, code: str | None, message: str) -> None:
        super().__init__(f"{kinds[0]} ({status}, {code}): {message}")
        self.kinds = kinds
        self.status = status
        self.code = code
        self.message = message


class Answer(msgspec.Struct):
    text: str
    pieces: int
    tool_calls: list[dict[str, str]]
    finish_reason: str | None
    total_tokens: int


class Driver:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(
        self,
        base_url: str,
        messages: list[dict[str, Any]],
        *,
        model: str = "fake",
        stream: bool = False,
        tools: Sequence[dict[str, Any]] = (),
        timeout_s: float = 30.0,
        max_retries: int = 0,
    ) -> Answer:
        """Raises: DriverError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        command = {
            "base_url": f"{base_url}/v1",
            "model": model,
            "messages": messages,
            "stream": stream,
            "tools": list(tools),
            "timeout_s": timeout_s,
            "max_retries": max_retries,
        }
        self._process.stdin.write(msgspec.json.encode(command) + b"\n")
        async with asyncio.timeout(_ANSWER_LIMIT_S):
            line = await self._process.stdout.readline()
        assert line, "the driver ended; its error is above"
        answer = msgspec.json.decode(line)
        if "error" in answer:
            error = answer["error"]
            raise DriverError(error["kinds"], error["status"], error["code"], error["message"])
        return msgspec.convert(answer, Answer)


@contextlib.asynccontextmanager
async def running_driver(command: Sequence[str]) -> AsyncIterator[Driver]:
    # A proxy of the developer's own would stand between the client and loopback.
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        yield Driver(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
