"""Settings of a cluster: what is refused, and that defaults fit together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from huiyan.cluster.options import ClusterOptions


def test_the_defaults_are_one_engine_on_this_machine() -> None:
    options = ClusterOptions.model_validate({})
    assert (options.address, options.min_replicas, options.most_replicas) == (None, 1, 1)
    assert options.http_host == "127.0.0.1"


@pytest.mark.parametrize(
    "given",
    [
        {"unknown": 1},
        {"min_replicas": 3, "max_replicas": 2},
        {"min_replicas": 0},
        {"address": "ray://head:10001"},
        {"address": "head"},
        {"name": "Not A Name"},
        {"object_store_mib": 10},
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ClusterOptions.model_validate(given)
