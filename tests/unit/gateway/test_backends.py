"""Several engines: least loaded, affinity, ejection and return, draining, and the looks at them."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.engines.status import EngineState, EngineStatus, ModelCard
from huiyan.engines.upstream import Pool
from huiyan.errors import EngineDiedError, EngineStartingError
from huiyan.gateway.backends import Backend, Backends, affinity
from huiyan.gateway.prober import Prober
from huiyan.gateway.routing import LOAD_FACTOR
from huiyan.testing.fake_engine import FakeEngine
from tests.support.wait import eventually

CARD = ModelCard(id="m", name="m", context_tokens=4096)


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def _status(state: EngineState = EngineState.READY) -> EngineStatus:
    return EngineStatus(state=state, engine="vllm", model="m")


def _backend(name: str, *, capacity: float = 1.0) -> Backend:
    return Backend(name, cast("Pool", object()), card=CARD, status=_status(), capacity=capacity)


def _backends(count: int = 3, **more: Any) -> tuple[Backends, list[Backend], Clock]:
    clock, all_of_them = Clock(), [_backend(f"e{i}") for i in range(count)]
    return Backends(all_of_them, eject_after=3, eject_s=10, clock=clock, **more), all_of_them, clock


def _fail(backend: Backend, times: int) -> None:
    for _ in range(times):
        backend.started()
        backend.ended(failed=True)


def test_one_engine_is_returned_whatever_it_does() -> None:
    backends, (only,), _ = _backends(1)
    assert not backends.needs_affinity
    only.status = _status(EngineState.FAILED)
    _fail(only, 50)
    assert backends.choose(b"x") is backends.choose() is only


def test_no_engine_at_all_is_said() -> None:
    with pytest.raises(EngineDiedError):
        Backends([])


def test_without_affinity_the_least_loaded_takes_it() -> None:
    backends, engines, _ = _backends()
    for _ in range(9):
        backends.choose().started()
    assert [engine.in_flight for engine in engines] == [3, 3, 3]
    engines[1].ended(failed=False)
    assert backends.choose() is engines[1]


def test_a_larger_engine_takes_more() -> None:
    engines = [_backend("small"), _backend("large", capacity=3)]
    backends = Backends(engines)
    for _ in range(40):
        backends.choose().started()
    assert [engine.in_flight for engine in engines] == [10, 30]


def test_a_conversation_stays_with_its_engine() -> None:
    backends, engines, _ = _backends()
    homes = {key: backends.choose(key) for key in (bytes([i]) * 32 for i in range(60))}
    assert all(backends.choose(key) is home for key, home in homes.items())
    # About evenly, and none left out: 60 keys on 3 engines.
    assert min(sum(home is engine for home in homes.values()) for engine in engines) >= 8
    # One engine leaves: only its own conversations move.
    engines[0].drain(lambda: None)
    for key, home in homes.items():
        assert (backends.choose(key) is home) == (home is not engines[0])
    engines[0].undrain()
    assert all(backends.choose(key) is home for key, home in homes.items())


@given(st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=200))
@settings(deadline=None)
def test_affinity_never_overloads_an_engine(keys: list[bytes]) -> None:
    backends, engines, _ = _backends(4)
    for key in keys:
        backends.choose(key).started()
        average = sum(engine.in_flight for engine in engines) / 4
        assert max(engine.in_flight for engine in engines) <= LOAD_FACTOR * average + 1


def test_failures_in_a_row_eject_and_time_brings_back_on_trial() -> None:
    backends, (bad, good, _), clock = _backends()
    _fail(bad, 2)
    bad.started()
    bad.ended(failed=False)  # not in a row
    _fail(bad, 2)
    assert backends.status()[0].ejected_s is None
    _fail(bad, 1)
    assert backends.status()[0].ejected_s == 10
    assert all(backends.choose() is not bad for _ in range(10))
    clock.now_s += 10
    assert any(backends.choose() is bad for _ in range(10))
    _fail(bad, 1)  # on trial: once is enough, and it is out for longer
    assert backends.status()[0].ejected_s == 20
    clock.now_s += 20
    assert any(backends.choose() is bad for _ in range(10))
    bad.started()
    bad.ended(failed=False)
    _fail(bad, 2)  # it has come through: three again
    assert any(backends.choose() is bad for _ in range(10))
    assert good.trouble()[0] == 0


def test_requests_that_fail_together_eject_once() -> None:
    backends, (bad, *_), _ = _backends()
    for _ in range(8):
        bad.started()
    for _ in range(8):
        bad.ended(failed=True)
    assert backends.status()[0].ejected_s == 10


def test_ejections_grow_to_a_bound() -> None:
    backends, (bad, *_), clock = _backends()
    for _ in range(12):
        _fail(bad, 3)
        clock.now_s += backends.status()[0].ejected_s or 0
        backends.choose()
    _fail(bad, 1)
    assert backends.status()[0].ejected_s == 320


def test_when_all_fail_the_one_that_is_out_for_longest_is_tried() -> None:
    backends, engines, clock = _backends()
    for engine in engines:
        _fail(engine, 3)
        clock.now_s += 1
    assert backends.choose() is engines[0]
    assert backends.choose(b"x") is engines[0]


def test_only_ready_engines_are_chosen_and_it_is_said_why_there_are_none() -> None:
    backends, engines, _ = _backends()
    engines[0].status = _status(EngineState.LOADING)
    engines[1].status = _status(EngineState.FAILED)
    assert {backends.choose(bytes([i])).name for i in range(20)} == {"e2"}
    engines[2].status = _status(EngineState.STOPPED)
    with pytest.raises(EngineStartingError):
        backends.choose()
    engines[0].status = _status(EngineState.FAILED)
    with pytest.raises(EngineStartingError, match="reached") as refusal:
        backends.choose()
    assert refusal.value.retry_after_s >= 1


def test_a_drain_ends_with_the_last_request() -> None:
    backends, (one, *_), _ = _backends()
    told: list[str] = []
    one.started()
    one.started()
    one.drain(lambda: told.append("drained"))
    assert all(backends.choose() is not one for _ in range(9))
    one.ended(failed=False)
    assert told == []
    one.ended(failed=False)
    assert told == ["drained"]
    one.drain(lambda: told.append("at once"))
    assert told == ["drained", "at once"]


def test_affinity_is_the_first_picture_or_else_the_beginning() -> None:
    assert affinity(b"digest", ["a"]) == affinity(b"digest", ["b"]) == b"digest"
    assert affinity(None, ["a", "b"]) == affinity(None, ["a", b"b"])
    assert affinity(None, ["ab", ""]) != affinity(None, ["a", "b"])
    assert affinity(None, ["\ud800"]) != affinity(None, [])


async def test_engines_elsewhere_are_looked_after() -> None:
    async with FakeEngine(model="real", context_tokens=2048) as engine:
        pool = Pool(engine.endpoint)
        backend = Backend("remote", pool, card=CARD, status=_status(EngineState.STARTING))
        changed: list[EngineState] = []
        prober = Prober(lambda: [backend], interval_s=0.02, changed=lambda b: changed.append(b.status.state))
        task = asyncio.get_running_loop().create_task(prober.run())

        async def became(state: EngineState) -> None:
            async def is_so() -> bool:
                return backend.status.state is state

            await eventually(is_so)

        try:
            await became(EngineState.READY)
            assert (backend.card.id, backend.card.context_tokens) == ("real", 2048)
            since_s = backend.status.since_unix_s
            engine.state = "loading"
            await became(EngineState.LOADING)
            engine.state = "ready"
            await became(EngineState.READY)
            assert backend.status.since_unix_s > since_s
            port = engine.port
            await engine.stop()
            await became(EngineState.FAILED)
            assert backend.status.detail
            await engine.start(port)
            await became(EngineState.READY)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            pool.close()
        assert changed[:3] == [EngineState.READY, EngineState.LOADING, EngineState.READY]
        assert EngineState.FAILED in changed


def test_a_look_that_finds_it_ready_again_ends_an_ejection() -> None:
    backends, (bad, *_), _ = _backends()
    _fail(bad, 3)
    bad.probed(_status(EngineState.FAILED))
    assert all(backends.choose() is not bad for _ in range(9))
    bad.probed(_status(), msgspec.structs.replace(CARD, context_tokens=99))
    assert any(backends.choose() is bad for _ in range(9))
    assert bad.card.context_tokens == 99
