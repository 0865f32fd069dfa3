"""OpenAPI 3.1 of the gateway, from the Structs that serve it: `python -m huiyan.gateway.openapi`.

The output is committed (schemas/openapi.json); the page's types are generated from it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from huiyan import __version__
from huiyan.gateway import schema, schema_admin, schema_images, schema_models, schema_updates
from huiyan.gateway.live_log import Skipped
from huiyan.gateway.tool_loop import events as loop_events
from huiyan.gateway.tool_loop.request import Extension
from huiyan.store.fetching import FetchStatus
from huiyan.tools import catalogue
from huiyan.updates import status as update_status

#: Structs that appear as bodies; those that they contain come along.
_BODIES: tuple[type[msgspec.Struct], ...] = (
    schema.ErrorBody,
    schema.Health,
    schema.Info,
    schema.ModelEntry,
    schema.ModelList,
    schema.TokenizeRequest,
    schema.TokenizeResponse,
    schema.HelloEvent,
    schema.BrowserLogEntry,
    schema_images.KeptImage,
    schema_admin.SignInRequest,
    schema_admin.SessionInfo,
    schema_admin.KeyInfo,
    schema_admin.KeyList,
    schema_admin.CreateKeyRequest,
    schema_admin.CreatedKey,
    schema_admin.ChangeKeyRequest,
    schema_admin.UsageReport,
    schema_models.ModelsReport,
    schema_models.PullRequest,
    schema_updates.UpdateRequest,
    schema_updates.RollbackRequest,
    update_status.UpdatesReport,
    update_status.UpdateStatus,
    Skipped,
    catalogue.ToolList,
    catalogue.ToolsEvent,
    catalogue.ToolProgress,
    catalogue.ToolResult,
    Extension,
    loop_events.ToolsOffered,
    loop_events.CallBegun,
    loop_events.CallConfirm,
    loop_events.CallDecided,
    loop_events.CallProgress,
    loop_events.CallResult,
    loop_events.CallFailed,
    loop_events.LoopLimit,
    loop_events.ToolCallAnswer,
)

Json = dict[str, Any]  # Any: a JSON schema


def _ref(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _body(content: Json, media_type: str = "application/json") -> Json:
    return {"content": {media_type: {"schema": content}}}


def _answer(description: str, content: Json | None = None, media_type: str = "application/json") -> Json:
    return {"description": description} | ({} if content is None else _body(content, media_type))


def _operation(summary: str, answers: dict[str, Json], *, request: Json | None = None, **more: Any) -> Json:
    operation: Json = {
        "summary": summary,
        "responses": answers | {"default": _answer("Any error", _ref(schema.ErrorBody))},
    }
    if request is not None:
        operation["requestBody"] = {"required": True} | _body(request)
    return operation | more


_KEY_HEADER: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Run once; the same key and body read the answer again from its beginning.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}

_OPENAI: Json = {"type": "object", "additionalProperties": True}


def _path(name: str, pattern: str | None = None) -> Json:
    kind: Json = {"type": "string"} if pattern is None else {"type": "string", "pattern": pattern}
    return {"name": name, "in": "path", "required": True, "schema": kind}


def _query(name: str, description: str, kind: Json) -> Json:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": kind}


#: Either a part `request` (JSON) with files to which it refers as attachment://NAME, or the short form.
_FORM: Json = {
    "type": "object",
    "properties": {
        "request": {"type": "string", "contentMediaType": "application/json"},
        "prompt": {"type": "string"},
        "image": {"type": "array", "items": {"type": "string", "format": "binary"}},
    },
    "additionalProperties": True,
}


def _openai_route(summary: str, required: list[str]) -> Json:
    request: Json = {
        "type": "object",
        "required": required,
        "properties": {
            "model": {"type": "string", "description": "May be left out: the model that is served."},
            "stream": {"type": "boolean", "default": False},
            "n": {"type": "integer", "minimum": 1, "maximum": 8},
            "messages": {"type": "array", "minItems": 1, "items": _OPENAI},
            "prompt": {},
        },
        "additionalProperties": True,
    }
    answers = {"200": _answer("The answer, as OpenAI's API has it", _OPENAI)}
    answers["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    operation = _operation(summary, answers, request=request, parameters=[_KEY_HEADER])
    if "messages" in required:
        request["properties"]["huiyan"] = _ref(Extension)
        operation["requestBody"]["content"]["multipart/form-data"] = {"schema": _FORM}
    return operation


def _admin_paths() -> Json:
    """Signing in, keys, usage, the live log, metrics."""
    key = _answer("The key", _ref(schema_admin.KeyInfo))
    session = _ref(schema_admin.SessionInfo)
    log: Json = {"type": "string", "description": "`log` (a record), `live`, `skipped` (Skipped)"}
    return {
        "/api/session": {
            "get": _operation("Who asks", {"200": _answer("", session)}),
            "post": _operation(
                "Exchange a key for a cookie",
                {"201": _answer("signed in", session)},
                request=_ref(schema_admin.SignInRequest),
            ),
            "delete": _operation("Sign out", {"204": _answer("signed out")}),
        },
        "/api/admin/keys": {
            "get": _operation("All keys", {"200": _answer("", _ref(schema_admin.KeyList))}),
            "post": _operation(
                "Make a key",
                {"201": _answer("with its secret, this once", _ref(schema_admin.CreatedKey))},
                request=_ref(schema_admin.CreateKeyRequest),
            ),
        },
        "/api/admin/keys/{id}": {
            "patch": _operation(
                "Change a key",
                {"200": key},
                request=_ref(schema_admin.ChangeKeyRequest),
                parameters=[_path("id")],
            ),
            "delete": _operation("Revoke a key", {"204": _answer("revoked")}, parameters=[_path("id")]),
        },
        "/api/admin/usage": {
            "get": _operation(
                "Usage by key and day",
                {"200": _answer("", _ref(schema_admin.UsageReport))},
                parameters=[
                    _query("days", "the last so many days", {"type": "integer", "minimum": 1}),
                    _query("key", "of this key only", {"type": "string"}),
                ],
            )
        },
        "/api/admin/models": {
            "get": _operation(
                "Models in the store, and the fetch that runs",
                {"200": _answer("", _ref(schema_models.ModelsReport))},
            )
        },
        "/api/admin/models/pull": {
            "post": _operation(
                "Fetch a model; `fetch` in /api/events says how far it is",
                {"202": _answer("it is being fetched", _ref(FetchStatus))},
                request=_ref(schema_models.PullRequest),
            ),
            "delete": _operation(
                "Stop fetching; what has arrived is kept", {"204": _answer("stopped, or nothing ran")}
            ),
        },
        **_update_paths(),
        "/api/admin/logs": {
            "get": _operation(
                "The log, as it is written",
                {"200": _answer("", log, "text/event-stream")},
                parameters=[
                    _query(name, words, {"type": "string"})
                    for name, words in (
                        ("source", "gateway, engine, tools, launcher or browser"),
                        ("level", "this level and above"),
                        ("request", "a request's id"),
                        ("since", "15m, 2h, 1d, or a moment"),
                        ("lines", "how many lines that were written before, 0 to 1000"),
                    )
                ],
            )
        },
        "/metrics": {
            "get": _operation("For Prometheus", {"200": _answer("", {"type": "string"}, "text/plain")})
        },
    }


def _update_paths() -> Json:
    status = _ref(update_status.UpdateStatus)
    return {
        "/api/admin/updates": {
            "get": _operation(
                "Components, what the configured feed has for them, and the update that runs",
                {"200": _answer("", _ref(update_status.UpdatesReport))},
            ),
            "post": _operation(
                "Update a component; `update` in /api/events says how far it is",
                {"202": _answer("it is under way", status)},
                request=_ref(schema_updates.UpdateRequest),
            ),
            "delete": _operation(
                "Stop the update; what was active stays, or comes back",
                {"204": _answer("stopped, or nothing ran")},
            ),
        },
        "/api/admin/updates/rollback": {
            "post": _operation(
                "Go back to what a component was before its last update",
                {"202": _answer("it is under way", status)},
                request=_ref(schema_updates.RollbackRequest),
            )
        },
    }


def _tool_paths() -> Json:
    result = _answer("What it brought", _ref(catalogue.ToolResult))
    result["content"]["text/event-stream"] = {
        "schema": {"type": "string", "description": "`progress` (ToolProgress)…, then `result` or `error`"}
    }
    call = _operation(
        "Call a tool",
        {"200": result},
        request={"type": "object", "description": "As its input_schema says", "additionalProperties": True},
        parameters=[_path("plugin"), _path("tool")],
    )
    call["requestBody"]["content"]["multipart/form-data"] = {
        "schema": {
            "type": "object",
            "properties": {"arguments": {"type": "string", "contentMediaType": "application/json"}},
            "additionalProperties": True,
        }
    }
    tools = _answer("", _ref(catalogue.ToolList))
    return {
        "/api/tools": {"get": _operation("The tools that are there now", {"200": tools})},
        "/api/tools/{plugin}/{tool}": {"post": call},
        "/api/tool-calls/{id}": {
            "post": _operation(
                "Allow or refuse a call that the model wants to make",
                {"204": _answer("said")},
                request=_ref(loop_events.ToolCallAnswer),
                parameters=[_path("id")],
            )
        },
    }


def document() -> Json:
    """The whole OpenAPI document."""
    (_, components) = msgspec.json.schema_components(_BODIES, ref_template="#/components/schemas/{name}")
    health = _answer("ok or degraded", _ref(schema.Health))
    unwell = _answer("down", _ref(schema.Health))
    stream: Json = {
        "type": "string",
        "description": "`hello` (HelloEvent); `engine` (EngineStatus), `fetch` (FetchStatus), `tools`; "
        "to administrators `update` (UpdateStatus)",
    }
    paths: Json = {
        "/v1/chat/completions": {
            "post": _openai_route("Chat with pictures (OpenAI's contract)", ["messages"])
        },
        "/v1/completions": {"post": _openai_route("Raw completion (OpenAI's contract)", ["prompt"])},
        "/v1/models": {"get": _operation("The models served", {"200": _answer("", _ref(schema.ModelList))})},
        "/v1/models/{model_id}": {
            "get": _operation(
                "One model",
                {"200": _answer("", _ref(schema.ModelEntry))},
                parameters=[
                    {"name": "model_id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
            )
        },
        "/health": {"get": _operation("All parts in one look", {"200": health, "503": unwell})},
        "/health/live": {"get": _operation("The process answers", {"200": health})},
        "/health/ready": {"get": _operation("A chat request would be taken", {"200": health, "503": unwell})},
        "/api/info": {"get": _operation("Version, model, limits", {"200": _answer("", _ref(schema.Info))})},
        "/api/tokenize": {
            "post": _operation(
                "Count tokens with the engine's tokenizer",
                {"200": _answer("", _ref(schema.TokenizeResponse))},
                request=_ref(schema.TokenizeRequest),
            )
        },
        "/api/events": {
            "get": _operation(
                "What changes, as it changes", {"200": _answer("", stream, "text/event-stream")}
            )
        },
        "/api/answers/{key}": {
            "delete": _operation(
                "Stop the answer that is being written under this Idempotency-Key",
                {"204": _answer("stopped")},
                parameters=[{"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}],
            )
        },
        "/api/logs": {
            "post": _operation(
                "An error that the page met", {"204": _answer("logged")}, request=_ref(schema.BrowserLogEntry)
            )
        },
        "/api/images/{sha256}": {
            "put": _operation(
                "Keep a picture, so that messages may refer to it as sha256:…",
                {
                    "200": _answer("kept already", _ref(schema_images.KeptImage)),
                    "201": _answer("kept", _ref(schema_images.KeptImage)),
                },
                parameters=[_path("sha256", "^[0-9a-f]{64}$")],
                requestBody={
                    "required": True,
                    "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
                },
            ),
            "head": _operation(
                "Whether a picture is kept",
                {"200": _answer("it is"), "404": _answer("it is not")},
                parameters=[_path("sha256", "^[0-9a-f]{64}$")],
            ),
        },
        **_tool_paths(),
        **_admin_paths(),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "huiyan", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items()))},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")
