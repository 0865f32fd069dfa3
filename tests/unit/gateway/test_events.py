import asyncio

from huiyan.engines.status import EngineState, EngineStatus
from huiyan.gateway.events import EventHub

STATUS = EngineStatus(state=EngineState.READY, engine="llama_cpp", model="nano", since_unix_s=0)


async def test_a_subscriber_gets_the_state_then_each_change_then_the_end() -> None:
    hub = EventHub()
    stream = hub.subscribe(("hello", STATUS))
    assert (await anext(stream)).startswith(b"event: hello\ndata: {")
    hub.publish("engine", STATUS)
    assert (await anext(stream)).startswith(b"event: engine\n")
    hub.close()
    assert [event async for event in stream] == []
    assert hub.subscribers == 0


async def test_a_page_that_never_reads_is_cut_off_and_holds_nothing_up() -> None:
    hub = EventHub()
    stream = hub.subscribe(("hello", STATUS))
    await anext(stream)
    for _ in range(1_000):
        hub.publish("engine", STATUS)
    assert hub.subscribers == 0
    seen = [event async for event in stream]
    assert 0 < len(seen) < 1_000


async def test_subscribers_that_leave_are_forgotten() -> None:
    hub = EventHub()
    stream = hub.subscribe(("hello", STATUS))
    await anext(stream)
    assert hub.subscribers == 1
    await stream.aclose()  # type: ignore[attr-defined]  # it is an async generator
    await asyncio.sleep(0)
    assert hub.subscribers == 0
