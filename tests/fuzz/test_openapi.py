"""Schemathesis on our own OpenAPI document: documented statuses, documented bodies, never a 500."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from huiyan.testing import FakeEngine
from tests.fuzz.conftest import EXAMPLES
from tests.support.command import run
from tests.support.gateway import running_gateway

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


async def test_every_operation(clients_bin: Path, shared_engine: FakeEngine, tmp_path: Path) -> None:
    """Streams without an end (/api/events) are left out: a request of theirs has no last byte."""
    shared_engine.reset()
    async with running_gateway(shared_engine.endpoint) as gateway:
        finished = await run(
            [
                str(clients_bin / "schemathesis"),
                *("run", str(SCHEMA), "--url", gateway.base_url),
                *("--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS)),
                *("--exclude-path", "/api/events", "--request-timeout", "30", "--warnings", "off"),
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
        assert int(operations[2]) - int(operations[1]) == 1, "nothing but /api/events is left out"
        assert shared_engine.completions, "some requests were good enough for the engine"
        assert (await gateway.chat("还在吗？")).status == 200
