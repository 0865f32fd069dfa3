"""A worker's queue and its coordinator in one process: a slot in hand, but no room in the cache."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from huiyan.engines.status import ModelCard
from huiyan.errors import HuiyanError, QueueFullError
from huiyan.gateway.access.principal import LOCAL
from huiyan.gateway.budget import Budget, Grant, ask
from huiyan.gateway.engine_metrics import KvState
from huiyan.gateway.kv_ledger import KvLedger
from huiyan.gateway.queue import FairQueue
from huiyan.gateway.workers.client import CoordinatorClient, RemoteLease, RemoteTicket
from huiyan.gateway.workers.coordinator import Coordinator
from tests.support.wait import eventually


@dataclass
class Pair:
    coordinator: Coordinator
    client: CoordinatorClient
    path: Path


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    coordinator = Coordinator(FairQueue(2, 10, 10, timeout_s=600), None)
    path = tmp_path / "gateway.sock"
    await coordinator.listen(path)
    client = await CoordinatorClient.connect(path, 0, timeout_s=600, lost=lambda: None)
    try:
        yield Pair(coordinator, client, path)
    finally:
        client.close()
        coordinator.close()


async def _is(value: bool) -> bool:
    return value


async def test_a_request_waits_for_the_cache_with_its_slot_and_goes_on_when_there_is_room(pair: Pair) -> None:
    budget, ledger = Budget(8192), KvLedger()
    ledger.told(KvState(total_tokens=20_000, free_tokens=1_200, running=4, waiting=0))
    card = ModelCard(id="m", name="m", context_tokens=8192)
    need = ask(card, messages_bytes=60, messages=1, text=lambda: "x", max_tokens=4000)
    told: list[Grant] = []
    budget.grant(need, ledger, count=lambda text, done: done(20), done=told.append)  # type: ignore[arg-type]  # fits
    assert told[0].wait

    def ready() -> bool:
        told.append(budget.again(told[-1], ledger))
        return not told[-1].wait

    granted: list[RemoteTicket] = []
    refused: list[HuiyanError] = []
    ticket = pair.client.queue.enter(LOCAL, granted=granted.append, refused=refused.append, ready=ready)
    await eventually(lambda: _is(len(told) == 2))  # it has a slot, and asked
    assert (granted, ticket.state, pair.coordinator.queue.running) == ([], "waiting", 1)
    assert (pair.client.queue.waiting, pair.client.queue.running) == (1, 0)
    pair.client.queue.recheck()
    assert granted == []
    ledger.told(KvState(total_tokens=20_000, free_tokens=20_000, running=1, waiting=0))
    pair.client.queue.recheck()
    assert granted == [ticket]
    assert (told[-1].max_tokens, pair.client.queue.running) == (None, 1)
    ticket.leave()
    ticket.leave()
    await eventually(lambda: _is(pair.coordinator.queue.running == 0))
    assert refused == []


async def test_a_cache_that_stays_full_ends_in_429_and_gives_the_slot_back(pair: Pair) -> None:
    client = await CoordinatorClient.connect(pair.path, 1, timeout_s=0.01, lost=lambda: None)
    refused: list[HuiyanError] = []
    ticket = client.queue.enter(LOCAL, granted=lambda _: None, refused=refused.append, ready=lambda: False)
    await eventually(lambda: _is(bool(refused)))
    assert isinstance(refused[0], QueueFullError)
    assert ticket.state == "over"
    await eventually(lambda: _is(pair.coordinator.queue.running == 0))
    client.close()


async def test_leaving_before_the_slot_came_gives_it_back(pair: Pair) -> None:
    granted: list[RemoteTicket] = []
    ticket = pair.client.queue.enter(LOCAL, granted=granted.append, refused=lambda _: None)
    ticket.leave()
    after = pair.client.queue.enter(LOCAL, granted=granted.append, refused=lambda _: None)
    await eventually(lambda: _is(bool(granted)))
    assert (granted, pair.coordinator.queue.running) == ([after], 1)


async def test_the_place_in_the_queue_is_told_and_a_full_queue_refuses(pair: Pair) -> None:
    refused: list[HuiyanError] = []
    tickets = [
        pair.client.queue.enter(LOCAL, granted=lambda _: None, refused=refused.append) for _ in range(13)
    ]
    await eventually(lambda: _is(bool(refused)))
    assert isinstance(refused[0], QueueFullError)
    assert [pair.client.queue.position(ticket) for ticket in tickets] == [0, 0, *range(10), 0]


async def test_without_limits_every_request_may_begin(pair: Pair) -> None:
    begun: list[RemoteLease | QueueFullError] = []
    pair.client.begin(LOCAL, body_bytes=10, done=begun.append)
    await eventually(lambda: _is(bool(begun)))
    assert isinstance(begun[0], RemoteLease)
    assert begun[0].headers() == []
    begun[0].finish(1, 2)


async def test_the_next_coordinator_at_the_same_place_keeps_its_socket(tmp_path: Path) -> None:
    """As at a full upgrade: the old front process ends after the new one has begun."""
    path = tmp_path / "gateway.sock"
    old, new = (Coordinator(FairQueue(2, 10, 10, timeout_s=600), None) for _ in range(2))
    await old.listen(path)
    await new.listen(path)
    old.close()
    assert path.exists()
    new.close()
    assert not path.exists()
