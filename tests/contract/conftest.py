"""Both engines that the contract is held against, and a gateway in front of the fake one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from huiyan.engines.status import EngineState
from huiyan.testing import FakeEngine
from tests.support.engine_process import EngineProcess, llama_cpp
from tests.support.gateway import RunningGateway, running_gateway, status


@pytest.fixture(scope="session")
def llama_cpp_process() -> Iterator[EngineProcess]:
    """The real llama.cpp child with nano, one for all tests."""
    with llama_cpp() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_engine() -> AsyncIterator[FakeEngine]:
    """A scriptable engine that wants the key which the gateway was given."""
    async with FakeEngine(api_key="engine-secret-key-0123456789") as fake:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_gateway(shared_engine: FakeEngine) -> AsyncIterator[RunningGateway]:
    """A gateway with the default options in front of it; one for a module, for it takes its time to end."""
    async with running_gateway(shared_engine.endpoint) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def engine(shared_engine: FakeEngine) -> FakeEngine:
    """The module's fake engine with nothing scripted and nothing seen."""
    shared_engine.reset()
    return shared_engine


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(shared_gateway: RunningGateway, engine: FakeEngine) -> RunningGateway:
    """The module's gateway, told that its engine is ready."""
    shared_gateway.app.gateway.update_engine(status(EngineState.READY))
    return shared_gateway
