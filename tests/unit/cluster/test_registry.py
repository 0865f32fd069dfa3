"""What of ray_app.py is Python alone: which engines there are, as heartbeats say. Ray is stood in for."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import huiyan.cluster

APP = Path(huiyan.cluster.__file__).with_name("ray_app.py")


@pytest.fixture
def app() -> Iterator[Any]:
    ray, serve, config = (types.ModuleType(name) for name in ("ray", "ray.serve", "ray.serve.config"))
    ray.serve = serve  # type: ignore[attr-defined]  # as much of it as the module takes when it is imported
    for name in ("AutoscalingConfig", "AutoscalingContext", "AutoscalingPolicy"):
        setattr(config, name, dict)
    stood_in = {"ray": ray, "ray.serve": serve, "ray.serve.config": config}
    with mock.patch.dict(sys.modules, stood_in):
        spec = importlib.util.spec_from_file_location("ray_app_under_test", APP)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.SETTLE_S = 0.0  # type: ignore[attr-defined]
        yield module


def entry(name: str) -> dict[str, Any]:
    return {"name": name, "url": f"http://127.0.0.1:1/{name}"}


async def names(registry: Any, after: str = "", wait_s: float = 0.0) -> tuple[list[str], str]:
    found = await registry.listing(after, wait_s)
    return [each["name"] for each in found["replicas"]], found["revision"]


async def test_engines_come_and_go_and_each_change_is_another_revision(app: Any) -> None:
    registry = app.Registry()
    empty, first = await names(registry)
    assert empty == []
    registry.put("b", entry("b"))
    registry.put("a", entry("a"))
    both, second = await names(registry)
    assert (both, second != first) == (["a", "b"], True)
    registry.put("a", entry("a"))
    assert await names(registry) == (both, second), "a heartbeat is no change"
    registry.put("a", None)
    assert (await names(registry))[0] == ["b"], "there, but takes nothing now"
    registry.remove("b")
    assert (await names(registry))[0] == []


async def test_who_waits_hears_of_a_change_at_once(app: Any) -> None:
    registry = app.Registry()
    _, revision = await names(registry)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(names(registry, revision, 30.0))
        await asyncio.sleep(0)
        registry.put("a", entry("a"))
        assert (await waiting)[0] == ["a"]
    assert (await names(registry, (await names(registry))[1], 0.01))[0] == ["a"], "and is answered in time"


async def test_who_says_nothing_is_forgotten(app: Any) -> None:
    registry = app.Registry()
    registry.put("a", entry("a"))
    app.FORGOTTEN_AFTER_S = -1.0
    assert (await names(registry))[0] == []


async def test_a_new_registry_says_nothing_before_all_have_spoken(app: Any) -> None:
    app.SETTLE_S = 60.0
    assert await app.Registry().listing("", 0.0) is None


def test_replicas_follow_the_load_within_their_bounds(app: Any) -> None:
    def context(loads: dict[str, float] | None) -> Any:
        return types.SimpleNamespace(
            aggregated_metrics=None if loads is None else {"load": loads},
            target_num_replicas=2,
            capacity_adjusted_min_replicas=1,
            capacity_adjusted_max_replicas=4,
            config=types.SimpleNamespace(target_ongoing_requests=2.0),
        )

    assert app.by_load(context(None))[0] == 2, "nothing known: as it is"
    assert app.by_load(context({"a": 0.0, "b": 0.0}))[0] == 1
    assert app.by_load(context({"a": 3.0, "b": 2.0}))[0] == 3
    assert app.by_load(context({"a": 99.0}))[0] == 4
