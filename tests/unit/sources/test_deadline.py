"""A hub that takes a connection and says nothing: whoever waits is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from huiyan.errors import SourceNotFoundError, SourceUnreachableError
from huiyan.messages import refusal
from huiyan.sources.choose import choose
from huiyan.sources.deadline import within
from huiyan.sources.huggingface import HuggingFace
from huiyan.sources.modelscope import ModelScope
from huiyan.sources.offline import Network
from huiyan.sources.options import StoreOptions


@pytest.fixture
def silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("hub", [ModelScope, HuggingFace])
def test_a_silent_hub_is_given_up(silent: str, hub: Callable[..., ModelScope | HuggingFace]) -> None:
    source = hub(Network(), silent, list_timeout_s=0.3)
    with pytest.raises(SourceUnreachableError) as caught:
        source.list("a/b")
    assert "timeout (0.3 s)" in caught.value.message
    assert caught.value.hint


def test_what_is_found_and_what_fails_come_through() -> None:
    assert within(30.0, "x", lambda: 7) == 7

    def missing() -> None:
        raise refusal(SourceNotFoundError, "sources.model_not_found", source="x", id="a/b", revision="m")

    with pytest.raises(SourceNotFoundError):
        within(30.0, "x", missing)


def test_nobody_waits_for_what_goes_on() -> None:
    go = threading.Event()
    with pytest.raises(SourceUnreachableError):
        within(0.05, "x", go.wait)
    (left,) = [thread for thread in threading.enumerate() if thread.name == "list x"]
    assert left.daemon
    go.set()
    left.join(30.0)


def test_the_bound_is_that_of_the_settings() -> None:
    options = StoreOptions.model_validate({"connect_timeout_s": 3, "read_timeout_s": 4})
    for source in choose("modelscope", options, Network()):
        assert isinstance(source, ModelScope | HuggingFace)
        assert source.list_timeout_s == 7
