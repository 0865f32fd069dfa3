"""A gateway in front of a fake engine, and the clients that other people use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.contract.conftest import engine, gateway, shared_engine, shared_gateway

__all__ = ["engine", "gateway", "shared_engine", "shared_gateway"]

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def clients_bin() -> Path:
    """Programs of the clients' environment, made by scripts/lib/clients.sh."""
    folder = os.environ.get("TEST_HUIYAN_CLIENTS")
    if folder is None:
        pytest.skip("run as `./test_all.sh clients` or `scripts/check.sh clients`, which install the clients")
    return Path(folder) / "bin"


@pytest.fixture(scope="session")
def node(clients_bin: Path) -> str:
    """Node, with OpenAI's SDK installed beside the program that uses it."""
    assert (HERE / "js" / "node_modules" / "openai").is_dir(), "npm ci has not run in tests/clients/js"
    found = shutil.which("node")
    assert found is not None, "no node on PATH; scripts/lib/parts.sh puts it there"
    return found
