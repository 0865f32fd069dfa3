"""Schemathesis on our own OpenAPI document: documented statuses, documented bodies, never a 500."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from huiyan.testing import FakeEngine
from tests.fuzz.conftest import EXAMPLES
from tests.support.command import run
from tests.support.gateway import running_gateway
from tests.support.tools import running_host

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMA = Path(__file__).parents[2] / "schemas" / "openapi.json"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "missing_required_header",
]


#: What a message looks like is OpenAI's matter, and so not in our document. Without it next to no request
#: would be good enough to get past the first check.
MESSAGES = {
    "type": "array",
    "minItems": 1,
    "maxItems": 4,
    "items": {
        "type": "object",
        "required": ["role", "content"],
        "properties": {
            "role": {"enum": ["system", "user", "assistant"]},
            "content": {"type": "string", "minLength": 1, "pattern": "[a-z]"},
        },
        "additionalProperties": False,
    },
}


def _document(folder: Path) -> Path:
    """Our document with requests spelt out that an engine would take; the wrong ones are made from them."""
    document = msgspec.json.decode(SCHEMA.read_bytes())
    for route in ("/v1/chat/completions", "/v1/completions"):
        body = document["paths"][route]["post"]["requestBody"]["content"]["application/json"]["schema"]
        body["properties"]["messages"] = MESSAGES
        body["properties"]["prompt"] = {"type": "string", "minLength": 1, "pattern": "[a-z]"}
        body["properties"]["model"] = {"const": "fake"}
        body["additionalProperties"] = False
        # Schemathesis holds each event against what our document says of the stream as a whole.
        document["paths"][route]["post"]["responses"]["200"]["content"]["text/event-stream"] = {}
    path = folder / "openapi.json"
    path.write_bytes(msgspec.json.encode(document))
    return path


async def test_every_operation(clients_bin: Path, shared_engine: FakeEngine, tmp_path: Path) -> None:
    """Streams without an end (events, the live log) are left out: a request of theirs has no last byte."""
    shared_engine.reset()
    data_dir = tmp_path / "data"
    async with (
        running_host(data_dir),
        running_gateway(shared_engine.endpoint, data_dir=data_dir) as gateway,
    ):
        finished = await run(
            [
                str(clients_bin / "schemathesis"),
                *("run", str(_document(tmp_path)), "--url", gateway.base_url),
                *("--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS)),
                *("--exclude-path", "/api/events", "--exclude-path", "/api/admin/logs"),
                *("--request-timeout", "30", "--warnings", "off"),
                *("--suppress-health-check", "all", "--continue-on-failure"),
                *(("--max-examples", str(EXAMPLES)) if EXAMPLES else ("--max-examples", "10", "--seed", "1")),
                *("--report", "json", "--report-json-path", str(tmp_path / "report.json")),
            ],
            limit_s=3600 if EXAMPLES else 240,
            folder=tmp_path,
        )
        assert finished.exit_code == 0, finished.stdout
        # It calls a run in which it could test nothing a success.
        operations = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)", finished.stdout)
        assert operations is not None, finished.stdout
        assert operations[1] == operations[3]
        assert int(operations[2]) - int(operations[1]) == 2, "nothing but the endless ones is left out"
        assert len(shared_engine.completions) >= 5, "some requests were good enough for the engine"
        assert (await gateway.chat("还在吗？")).status == 200
