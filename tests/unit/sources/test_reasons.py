"""What a person reads when a hub cannot be reached."""

from __future__ import annotations

import socket

import pytest
import requests

from huiyan.messages import Text, say
from huiyan.sources.reasons import reason_of


def test_a_closed_port_is_said_in_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        with pytest.raises(requests.ConnectionError) as caught:
            requests.get(f"http://127.0.0.1:{taken.getsockname()[1]}/", timeout=20)
    assert reason_of(caught.value) == Text("sources.reason.refused", {})


def test_an_unknown_name_is_found_at_the_end_of_a_chain() -> None:
    try:
        try:
            raise socket.gaierror(-2, "Name or service not known")
        except OSError as cause:
            raise requests.ConnectionError("HTTPSConnectionPool(...): Max retries exceeded") from cause
    except requests.ConnectionError as error:
        reason = reason_of(error)
    sentence = say("sources.unreachable", "en", host="hub.example", reason=reason)
    assert sentence == "hub.example cannot be reached: its address was not found (no network, or no DNS)"
    assert "DNS" in say("sources.unreachable", "zh", host="hub.example", reason=reason)


def test_other_errors_keep_their_own_words_in_one_line() -> None:
    assert reason_of(ValueError("not\n  JSON")) == "not JSON"
    assert reason_of(KeyError()) == "KeyError"


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert reason_of(first) == "a"
