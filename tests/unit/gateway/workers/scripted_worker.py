"""A worker process that does what the test says: one JSON list a line in, one JSON list a line out.

    python scripted_worker.py SOCKET NUMBER

["enter", name, key]  → ["queued"|"granted"|"refused", name, …]      ["leave", name]
["begin", name, key, bytes] → ["begun", name, headers] | ["limited", name]   ["finish", name, prompt, answer]
["claim", key] → ["claimed", key, owner]                              ["release", key]
["open", key, fingerprint] → ["opened", key]  ["head", key]  ["write", key, text]  ["end", key]
["attach", name, key, fingerprint] → ["head"|"body"|"end"|"error"|"missing", name, …]
["pause"|"resume"|"cancel", name]  ["stop", key] → the owner says ["cancelled", key]
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, cast

from huiyan.errors import HuiyanError, QueueFullError
from huiyan.gateway.access.principal import Principal, Scope
from huiyan.gateway.run import Run
from huiyan.gateway.workers.client import CoordinatorClient, RemoteLease, RemoteTicket
from huiyan.gateway.workers.shared_answers import RemoteReader, SharedAnswerBook


def say(*words: Any) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


class ScriptedRun:
    def __init__(self, key: str) -> None:
        self._key = key

    def cancel(self) -> None:
        say("cancelled", self._key)


class Client:
    def __init__(self, name: str) -> None:
        self._name = name

    def on_head(self, status: int, block: bytes, length: int | None) -> None:
        say("head", self._name, status)

    def on_body(self, data: bytes) -> None:
        say("body", self._name, data.decode())

    def on_end(self) -> None:
        say("end", self._name)

    def on_error(self, error: HuiyanError) -> None:
        say("error", self._name, error.code)


class Worker:
    def __init__(self, client: CoordinatorClient) -> None:
        self._client = client
        self._answers = SharedAnswerBook(client, grace_s=0.05, keep_s=600, max_bytes=100_000)
        client.serve_answers(self._answers)
        self._tickets: dict[str, RemoteTicket] = {}
        self._leases: dict[str, RemoteLease] = {}
        self._readers: dict[str, RemoteReader] = {}

    def act(self, verb: str, *args: Any) -> None:
        getattr(self, f"do_{verb}")(*args)

    def do_enter(self, name: str, key: str) -> None:
        self._tickets[name] = self._client.queue.enter(
            _principal(key),
            granted=lambda ticket: say("granted", name),
            refused=lambda error: say("refused", name, error.code),
        )

    def do_leave(self, name: str) -> None:
        self._tickets[name].leave()

    def do_begin(self, name: str, key: str, body_bytes: int) -> None:
        def done(result: RemoteLease | QueueFullError) -> None:
            if isinstance(result, QueueFullError):
                say("limited", name, result.retry_after_s)
            else:
                self._leases[name] = result
                say("begun", name, [[n.decode(), v.decode()] for n, v in result.headers()])

        self._client.begin(_principal(key), body_bytes=body_bytes, done=done)

    def do_finish(self, name: str, prompt_tokens: int, completion_tokens: int) -> None:
        self._leases[name].finish(prompt_tokens, completion_tokens)
        self._leases[name].finish(prompt_tokens, completion_tokens)  # counts once

    def do_claim(self, key: str) -> None:
        self._client.claim(key, lambda owner: say("claimed", key, owner))

    def do_release(self, key: str) -> None:
        self._client.release(key)

    def do_open(self, key: str, fingerprint: str) -> None:
        self._answers.open(key, fingerprint.encode(), lambda _: cast("Run", ScriptedRun(key)))
        say("opened", key)

    def do_head(self, key: str) -> None:
        self._answer(key).on_head(200, b"content-type: text/event-stream\r\n", None)

    def do_write(self, key: str, text: str) -> None:
        self._answer(key).on_body(text.encode())

    def do_end(self, key: str) -> None:
        self._answer(key).on_end()

    def do_fail(self, key: str) -> None:
        self._answer(key).on_error(QueueFullError("full", retry_after_s=3))

    def do_attach(self, name: str, key: str, fingerprint: str) -> None:
        self._readers[name] = self._client.attach(
            key, fingerprint.encode(), Client(name), missing=lambda: say("missing", name)
        )

    def do_pause(self, name: str) -> None:
        self._readers[name].pause()

    def do_resume(self, name: str) -> None:
        self._readers[name].resume()

    def do_cancel(self, name: str) -> None:
        self._readers[name].cancel()

    def do_stop(self, key: str) -> None:
        self._client.stop(key)

    def _answer(self, key: str) -> Any:
        answer = self._answers.get(key)
        assert answer is not None
        return answer


def _principal(key: str) -> Principal:
    return Principal(id=key, name=key, scopes=frozenset({Scope.CHAT}))


async def main(path: str, number: int) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    client = await CoordinatorClient.connect(Path(path), number, timeout_s=60, lost=over.set)
    worker = Worker(client)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)

    async def follow() -> None:
        while line := await lines.readline():
            worker.act(*json.loads(line))

    task, gone = loop.create_task(follow()), loop.create_task(over.wait())
    say("up")
    await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    say("lost" if over.is_set() else "done")
    task.cancel()
    gone.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
