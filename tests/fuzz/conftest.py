"""Hypothesis as the suites want it: short and the same each time, or long and new each time (`just fuzz`)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests.clients.conftest import clients_bin
from tests.contract.conftest import shared_engine

__all__ = ["clients_bin", "shared_engine"]

#: Examples for each property; `just fuzz 20000` sets it.
EXAMPLES = int(os.environ.get("TEST_HUIYAN_FUZZ_EXAMPLES", "0"))

_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "short", derandomize=True, database=None, max_examples=60, deadline=None, suppress_health_check=_CHECKS
)
settings.register_profile(
    "long", max_examples=EXAMPLES or 1, deadline=None, print_blob=True, suppress_health_check=_CHECKS
)
settings.load_profile("long" if EXAMPLES else "short")
