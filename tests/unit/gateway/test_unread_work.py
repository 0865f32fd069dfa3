"""What an engine has still to read: charged when a prompt is sent, given back once, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.engines.status import EngineState, EngineStatus, ModelCard
from huiyan.errors import EngineDiedError, EngineTimeoutError, HuiyanError
from huiyan.gateway.access.principal import Principal
from huiyan.gateway.admission import Admitted
from huiyan.gateway.backends import Backend, Backends
from huiyan.gateway.budget import Ask, Budget
from huiyan.gateway.metrics import Metrics
from huiyan.gateway.queue import FairQueue
from huiyan.gateway.relay import CHAT, RelayedHeads
from huiyan.gateway.run import Asked, Run

CARD = ModelCard(id="m", name="m", context_tokens=100_000)
READY = EngineStatus(state=EngineState.READY, engine="vllm", model="m")
WHO = Principal(id="k", name="k", scopes=frozenset())


class _Lease:
    def block(self) -> bytes:
        return b""

    def finish(self, *_: Any) -> None: ...


class _Call:
    """What a run holds of its request to an engine; `listener` is the run."""

    length = None

    def __init__(self, listener: Run) -> None:
        self.listener, self.cancelled, self.sent = listener, False, True

    def cancel(self) -> None:
        self.cancelled = True

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class _Pool:
    def __init__(self) -> None:
        self.calls: list[_Call] = []

    def send(self, _method: str, _path: str, listener: Run, **_: Any) -> _Call:
        self.calls.append(_Call(listener))
        return self.calls[-1]


class _Sink:
    def on_head(self, status: int, block: bytes, length: int | None) -> None: ...

    def on_body(self, data: bytes) -> None: ...

    def on_end(self) -> None: ...

    def on_error(self, error: HuiyanError) -> None: ...


class _Services:
    """The gateway, as far as a run needs one, with engines that answer what the test says."""

    keep_alive_s = 60.0

    def __init__(self, loop: asyncio.AbstractEventLoop, engines: int) -> None:
        self.loop = loop
        self.limiter = self
        self.queue = FairQueue(1000, 1000, 1000, loop=loop)
        self.budget, self.metrics, self.heads = Budget(100_000), Metrics(), RelayedHeads()
        self.engines = [
            Backend(f"e{i}", cast("Any", _Pool()), card=CARD, status=READY) for i in range(engines)
        ]
        self.backends = Backends(self.engines)

    def begin(self, _principal: Principal, *, body_bytes: int, done: Any) -> None:
        done(_Lease())

    def choose_backend(self, admitted: Admitted) -> Backend:
        return self.backends.choose(admitted.affinity)

    def another_backend(self, admitted: Admitted, tried: Sequence[Backend]) -> Backend | None:
        return self.backends.another(admitted.affinity, tried)

    def plain_body(self, asked: Asked) -> Sequence[bytes]:
        return (asked.admitted.body,)

    def need(self, *_: Any) -> Ask:
        raise AssertionError("all of these fit")

    def count(self, *_: Any) -> None: ...

    def started(self, *_: Any) -> None: ...

    def moved(self, *_: Any) -> None: ...

    def finished(self, *_: Any) -> None: ...

    def ask(self, number: int) -> Run:
        body = b"x" * (400 * number + 4)
        admitted = Admitted(stream=True, body=body, text_bytes=len(body), affinity=b"%d" % (number % 3))
        asked = Asked(CHAT, admitted, WHO, "r", len(body), self.loop.time())
        run = Run(cast("Any", self), asked, _Sink())
        run.start()
        return run

    def calls(self) -> list[_Call]:
        return [call for engine in self.engines for call in cast("Any", engine.pool).calls]

    def unread(self) -> int:
        return sum(engine.unread_tokens for engine in self.engines)


@pytest.fixture(scope="module")
def loop() -> Any:
    made = asyncio.new_event_loop()
    yield made
    made.close()


_EVENTS = ("head", "comment", "body", "end", "died", "silent", "refused", "not ready", "cancel")


def _happens(event: str, call: _Call) -> bool:
    """Whether nothing more comes of this call."""
    run = call.listener
    match event:
        case "head":
            run.on_head(200, [])
        case "comment":
            run.on_head(200, [])
            run.on_body(b": ping\n\n")
        case "body":
            run.on_head(200, [])
            run.on_body(b'data: {"choices":[]}\n\n')
        case "end":
            run.on_head(200, [])
            run.on_body(b"data: [DONE]\n\n")
            run.on_end()
        case "died":
            run.on_error(EngineDiedError("died"))
        case "silent":
            run.on_error(EngineTimeoutError("silent"))
        case "refused" | "not ready":
            run.on_head(400 if event == "refused" else 503, [])
            if not call.cancelled:
                run.on_body(b"{}")
                run.on_end()
        case "cancel":
            run.cancel()
    return event not in ("head", "comment", "body")


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(("ask", *_EVENTS))), max_size=60),
)
@settings(deadline=None, max_examples=200)
def test_no_work_is_left_when_all_requests_are_over(
    loop: Any, engines: int, events: list[tuple[int, str]]
) -> None:
    services = _Services(loop, engines)
    over: set[int] = set()

    def going() -> list[_Call]:
        return [call for call in services.calls() if not call.cancelled and id(call) not in over]

    for which, event in events:
        if event == "ask":
            services.ask(which)
            continue
        calls = going()
        # A head comes once; what a call heard before stands in the run.
        if calls:
            call = calls[which % len(calls)]
            if _happens(event, call):
                over.add(id(call))
        assert all(engine.unread_tokens >= 0 for engine in services.engines)
        if engines == 1:
            assert services.unread() == 0, "one engine alone counts nothing"
    while calls := going():
        _happens("end", calls[0])
        over.add(id(calls[0]))
    assert [engine.unread_tokens for engine in services.engines] == [0] * engines
    assert [engine.in_flight for engine in services.engines] == [0] * engines


def test_work_counts_from_sending_to_the_first_content_and_moves_with_its_request(loop: Any) -> None:
    services = _Services(loop, 2)
    services.ask(9)
    (call,) = services.calls()
    home = next(engine for engine in services.engines if engine.unread_tokens)
    tokens = home.unread_tokens
    assert tokens == pytest.approx(9 * 100, rel=0.1), "four bytes a token"
    _happens("died", call)
    other = next(engine for engine in services.engines if engine is not home)
    assert (home.unread_tokens, other.unread_tokens) == (0, tokens)
    again = next(each for each in services.calls() if each is not call)
    _happens("comment", again)
    assert other.unread_tokens == tokens, "it only says that it still reads"
    _happens("body", again)
    assert (other.unread_tokens, other.in_flight) == (0, 1), "it writes"
