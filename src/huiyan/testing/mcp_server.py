"""A scriptable MCP server over stdio, for tests of whoever runs tools: `python mcp_server.py`.

It speaks the protocol by hand, so that it can also break it, and needs no package: it starts in 30 ms and any
Python runs it. Its tools do what their names say; `environment` tells what it can see of the machine.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_OBJECT: dict[str, Any] = {"type": "object", "properties": {}}
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC"

Send = Callable[[dict[str, Any]], None]
Work = Callable[[dict[str, Any], "Call"], Any]


class Call:
    """What a tool can do while it works. cancelled: set when the client has asked for that."""

    def __init__(self, send: Send, token: Any) -> None:
        self._send = send
        self._token = token
        self.cancelled = threading.Event()

    def progress(self, done: float, total: float | None, message: str) -> None:
        if self._token is None:
            return
        params = {"progressToken": self._token, "progress": done, "message": message}
        if total is not None:
            params["total"] = total
        self._send({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})


def _text(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}]}


def _echo(arguments: dict[str, Any], call: Call) -> Any:
    return _text(json.dumps(arguments, ensure_ascii=False))


def _look(arguments: dict[str, Any], call: Call) -> Any:
    """Size and first bytes of a file, with a table, a picture, a file and a link."""
    data = Path(arguments["picture"]).read_bytes()
    note = Path("note.txt")
    note.write_text("made by the tool", "utf-8")
    return {
        "content": [
            {"type": "text", "text": f"| bytes | begins |\n|---|---|\n| {len(data)} | {data[:4].hex()} |"},
            {"type": "image", "data": _PNG, "mimeType": "image/png"},
            {"type": "resource_link", "uri": note.absolute().as_uri(), "name": "note.txt"},
            {"type": "resource_link", "uri": "file:///etc/passwd", "name": "passwd"},
            {"type": "resource_link", "uri": "https://example.org/more", "name": "more"},
        ],
        "structuredContent": {"boxes": [{"bbox_2d": [100, 100, 500, 400], "label": "corner"}]},
    }


def _slow(arguments: dict[str, Any], call: Call) -> Any:
    steps = int(arguments.get("steps", 5))
    for step in range(steps):
        if call.cancelled.wait(float(arguments.get("step_s", 0.1))):
            Path("cancelled.txt").write_text("yes", "utf-8")
            return _text("cancelled")
        call.progress(step + 1, steps, f"step {step + 1}")
    return _text("done")


def _hang(arguments: dict[str, Any], call: Call) -> Any:
    signal.pause() if threading.current_thread() is threading.main_thread() else time.sleep(3600)


def _eat(arguments: dict[str, Any], call: Call) -> Any:
    """Memory in touched pieces; a limit on address space raises MemoryError here."""
    kept = []
    for _ in range(int(arguments.get("mib", 4096)) // 16):
        kept.append(bytearray(os.urandom(1024)) * (16 * 1024))
        time.sleep(0.005)
    return _text(str(len(kept)))


def _rubbish(arguments: dict[str, Any], call: Call) -> Any:
    sys.stdout.write("Loading…\nnot json at all {{{\n\x00\xff\n[1, 2\n")
    sys.stdout.flush()
    os.write(1, b"\xff\xfe\x00rubbish\n" * 100)
    return _text("after the rubbish")


def _endless_line(arguments: dict[str, Any], call: Call) -> Any:
    piece = b"x" * 1024 * 1024
    while True:
        os.write(1, piece)


def _large(arguments: dict[str, Any], call: Call) -> Any:
    return _text("x" * int(arguments.get("size_bytes", 1024)))


def _fork(arguments: dict[str, Any], call: Call) -> Any:
    """Children that leave the process group and sleep on; their numbers."""
    count = int(arguments.get("count", 3))
    for _ in range(count):
        subprocess.Popen(
            [sys.executable, "-c", f"import time\n{arguments.get('mark', 'mark')!r}\ntime.sleep(3600)"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return _text(str(count))


def _die(arguments: dict[str, Any], call: Call) -> Any:
    sys.stderr.write("I die now\n")
    sys.stderr.flush()
    os._exit(int(arguments.get("code", 7)))


def _fail(arguments: dict[str, Any], call: Call) -> Any:
    return {"content": [{"type": "text", "text": "the tool's own words"}], "isError": True}


def _broken(arguments: dict[str, Any], call: Call) -> Any:
    return {"content": "no list"}


def _burn(arguments: dict[str, Any], call: Call) -> Any:
    end = time.monotonic() + float(arguments.get("seconds", 3600))
    while time.monotonic() < end:
        pass
    return _text("burnt")


def _environment(arguments: dict[str, Any], call: Call) -> Any:
    """What the tool sees, as JSON."""
    variables = dict(os.environ)  # noqa: TID251 - what this tool is asked about
    seen: dict[str, Any] = {"variables": variables, "directory": str(Path.cwd())}
    seen["readable"] = {}
    for path in arguments.get("paths", []):
        try:
            seen["readable"][path] = sorted(each.name for each in Path(path).iterdir())
        except OSError as error:
            seen["readable"][path] = error.strerror
    try:
        with socket.create_connection((arguments.get("host", "127.0.0.1"), int(arguments.get("port", 9))), 5):
            seen["connected"] = True
    except OSError as error:
        seen["connected"] = str(error)
    return _text(json.dumps(seen))


def _given(arguments: dict[str, Any], call: Call) -> Any:
    return _text(str(len(base64.b64decode(arguments["data"], validate=True))))


def _with(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_TOOLS: dict[str, tuple[Work, dict[str, Any], dict[str, Any]]] = {
    "echo": (
        _echo,
        {
            "type": "object",
            "required": ["text"],
            "properties": {
                "text": {
                    "type": "string",
                    "title": "Text",
                    "description": "What to say back",
                    "minLength": 1,
                },
                "times": {"type": "integer", "minimum": 1, "maximum": 9, "default": 1},
                "loud": {"type": "boolean", "default": False},
                "mood": {"enum": ["calm", "merry"], "default": "calm"},
                "words": {"type": "array", "items": {"type": "string"}},
            },
        },
        {"readOnlyHint": True},
    ),
    "look": (
        _look,
        _with(picture={"type": "string", "format": "file-path", "contentMediaType": "image/*"}),
        {"readOnlyHint": True},
    ),
    "given": (_given, _with(data={"type": "string", "contentEncoding": "base64"}), {"readOnlyHint": True}),
    "slow": (
        _slow,
        {
            "type": "object",
            "properties": {
                "steps": {"type": "integer", "default": 5},
                "step_s": {"type": "number", "default": 0.1},
            },
        },
        {"readOnlyHint": True},
    ),
    "hang": (_hang, _OBJECT, {}),
    "eat": (_eat, _OBJECT, {}),
    "rubbish": (_rubbish, _OBJECT, {}),
    "endless_line": (_endless_line, _OBJECT, {}),
    "large": (_large, _OBJECT, {}),
    "fork": (_fork, _OBJECT, {}),
    "die": (_die, _OBJECT, {"destructiveHint": True}),
    "fail": (_fail, _OBJECT, {}),
    "broken": (_broken, _OBJECT, {}),
    "burn": (_burn, _OBJECT, {}),
    "environment": (_environment, _OBJECT, {"readOnlyHint": True}),
}


class Server:
    """Answers each request in a thread of its own. only: the tools that it has."""

    def __init__(self, only: list[str]) -> None:
        self._tools = {name: _TOOLS[name] for name in only or _TOOLS}
        self._lock = threading.Lock()
        self._calls: dict[Any, Call] = {}

    def run(self) -> None:
        """Until stdin ends."""
        for line in sys.stdin.buffer:
            message = json.loads(line)
            method = message.get("method")
            if method == "notifications/cancelled":
                call = self._calls.get(message["params"].get("requestId"))
                if call is not None:
                    call.cancelled.set()
            elif "id" in message and method is not None:
                threading.Thread(target=self._answer, args=(message,), daemon=True).start()

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        with self._lock:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def _answer(self, message: dict[str, Any]) -> None:
        number, params = message["id"], message.get("params") or {}
        try:
            result = self._result(number, message["method"], params)
        except MemoryError:
            result = {"content": [{"type": "text", "text": "no memory"}], "isError": True}
        except LookupError as error:
            self._send({"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": str(error)}})
            return
        self._send({"jsonrpc": "2.0", "id": number, "result": result})

    def _result(self, number: Any, method: str, params: dict[str, Any]) -> Any:
        if method == "initialize":
            return {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "scripted", "version": "1"},
            }
        if method == "ping":
            return {}
        if method == "tools/list":
            return {
                "tools": [
                    {
                        "name": name,
                        "description": f"It will {name}.",
                        "inputSchema": schema,
                        "annotations": notes,
                    }
                    for name, (_, schema, notes) in self._tools.items()
                ]
            }
        if method != "tools/call":
            raise LookupError(f"no method {method}")
        call = Call(self._send, (params.get("_meta") or {}).get("progressToken"))
        self._calls[number] = call
        try:
            return self._tools[params["name"]][0](params.get("arguments") or {}, call)
        finally:
            del self._calls[number]


if __name__ == "__main__":
    Server(sys.argv[1:]).run()
