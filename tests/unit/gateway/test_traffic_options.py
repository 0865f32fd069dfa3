"""Settings of traffic: what is refused, and that defaults fit together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from huiyan.gateway.traffic_options import TrafficOptions

_BACKEND = {"name": "a", "url": "http://10.0.0.7:3001"}


def test_the_defaults_hold_together() -> None:
    options = TrafficOptions.model_validate({})
    assert options.max_waiting_per_key <= options.max_waiting
    assert (options.workers, options.backends) == (1, ())


@pytest.mark.parametrize("url", ["http://10.0.0.7:3001", "http://engine.lan:80/", "http://[fd00::1]:3001"])
def test_addresses_of_engines(url: str) -> None:
    options = TrafficOptions.model_validate({"backends": [{**_BACKEND, "url": url}]})
    assert options.backends[0].url == url


@pytest.mark.parametrize(
    "given",
    [
        {"unknown": 1},
        {"max_waiting": 4, "max_waiting_per_key": 5},
        {"workers": 0},
        {"backends": [_BACKEND, _BACKEND]},
        {"backends": [{**_BACKEND, "url": "https://engine.lan:443"}]},
        {"backends": [{**_BACKEND, "url": "http://user:secret@engine.lan:80"}]},
        {"backends": [{**_BACKEND, "url": "http://engine.lan"}]},
        {"backends": [{**_BACKEND, "name": "a/b"}]},
        {"backends": [{**_BACKEND, "api_key": "secret"}]},
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrafficOptions.model_validate(given)
