"""huiyan.deploy.engine_values: keys that the vllm-stack chart has, and flags that reach vLLM once each."""

from __future__ import annotations

from typing import Any

import pytest

from huiyan.deploy.engine_values import EnginePlan, engine_values
from huiyan.hardware.plan.flags import VllmFlags

#: Types of the keys that are written here, from values.schema.json at the tag vllm-stack-0.1.12; `list` and
#: `dict` stand for what that schema leaves open. Rendered with that chart, by hand, on 2026-11-23.
SCHEMA: dict[str, type | tuple[type, ...]] = {
    "servingEngineSpec.enableEngine": bool,
    "servingEngineSpec.labels": dict,
    "servingEngineSpec.vllmApiKey": dict,
    "servingEngineSpec.containerSecurityContext": dict,
    "servingEngineSpec.startupProbe": dict,
    "servingEngineSpec.modelSpec": list,
    "servingEngineSpec.modelSpec.name": str,
    "servingEngineSpec.modelSpec.repository": str,
    "servingEngineSpec.modelSpec.tag": str,
    "servingEngineSpec.modelSpec.modelURL": str,
    "servingEngineSpec.modelSpec.replicaCount": int,
    "servingEngineSpec.modelSpec.requestCPU": int,
    "servingEngineSpec.modelSpec.requestMemory": str,
    "servingEngineSpec.modelSpec.requestGPU": (int, float, str),
    "servingEngineSpec.modelSpec.pvcStorage": str,
    "servingEngineSpec.modelSpec.pvcAccessMode": list,
    "servingEngineSpec.modelSpec.shmSize": str,
    "servingEngineSpec.modelSpec.env": list,
    "servingEngineSpec.modelSpec.vllmConfig": dict,
    "servingEngineSpec.modelSpec.vllmConfig.enablePrefixCaching": bool,
    "servingEngineSpec.modelSpec.vllmConfig.tensorParallelSize": int,
    "servingEngineSpec.modelSpec.vllmConfig.maxModelLen": int,
    "servingEngineSpec.modelSpec.vllmConfig.maxNumSeqs": int,
    "servingEngineSpec.modelSpec.vllmConfig.gpuMemoryUtilization": (int, float, str),
    "servingEngineSpec.modelSpec.vllmConfig.extraArgs": list,
    "routerSpec.enableRouter": bool,
    "routerSpec.replicaCount": int,
    "routerSpec.serviceType": str,
    "routerSpec.routingLogic": str,
    "routerSpec.vllmApiKey": dict,
    "routerSpec.containerSecurityContext": dict,
}
ROUTING = {
    "roundrobin",
    "session",
    "prefixaware",
    "kvaware",
    "disaggregated_prefill",
    "disaggregated_prefill_orchestrated",
}


def planned(*, replicas: int = 1, flags: VllmFlags | None = None) -> dict[str, Any]:
    plan = EnginePlan(
        model_id="Qwen/Qwen3-VL-8B-Instruct",
        weights_bytes=17_534_247_392,
        flags=flags or VllmFlags(max_model_len=32768),
        image_tag="v0.25.1",
        replicas=replicas,
    )
    return engine_values(plan, release="vllm", secret="huiyan-gateway")


def entries(value: object, path: str = "") -> list[tuple[str, object]]:
    """Every key with its value; list entries share the list's path."""
    found: list[tuple[str, object]] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            below = f"{path}.{key}" if path else key
            if "." in below:
                found.append((below, inner))
            if SCHEMA.get(below) is not dict or below.endswith("vllmConfig"):
                found += entries(inner, below)
    elif isinstance(value, list) and path.endswith("modelSpec"):
        for inner in value:
            found += entries(inner, path)
    return found


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize(
    "flags", [None, VllmFlags(max_model_len=8192, kv_cache_memory_bytes=2**31, enforce_eager=True)]
)
def test_every_key_is_one_of_the_charts(replicas: int, flags: VllmFlags | None) -> None:
    found = entries(planned(replicas=replicas, flags=flags))
    assert len(found) > 20
    for path, value in found:
        assert path in SCHEMA, path
        assert isinstance(value, SCHEMA[path]), path


def words_of(values: dict[str, Any]) -> list[str]:
    (model,) = values["servingEngineSpec"]["modelSpec"]
    words: list[str] = model["vllmConfig"]["extraArgs"]
    return words


def test_no_flag_is_given_twice() -> None:
    words = words_of(planned())
    flags = [word for word in words if word.startswith("--")]
    assert len(set(flags)) == len(flags)
    # The chart makes these from its keys.
    made = {"--max-model-len", "--max-num-seqs", "--gpu-memory-utilization", "--host", "--port"}
    assert not made & set(flags)
    assert words[words.index("--served-model-name") + 1] == "Qwen/Qwen3-VL-8B-Instruct"
    assert all(isinstance(word, str) for word in words)


def test_bytes_for_the_cache_replace_the_share_of_the_card() -> None:
    values = planned(flags=VllmFlags(max_model_len=8192, kv_cache_memory_bytes=123))
    (model,) = values["servingEngineSpec"]["modelSpec"]
    assert "gpuMemoryUtilization" not in model["vllmConfig"]
    assert words_of(values)[words_of(values).index("--kv-cache-memory-bytes") + 1] == "123"


def test_engines_serve_no_development_routes_and_fetch_nothing_on_request() -> None:
    values = planned()
    (model,) = values["servingEngineSpec"]["modelSpec"]
    variables = {each["name"]: each["value"] for each in model["env"]}
    assert variables["VLLM_SERVER_DEV_MODE"] == "0"
    words = words_of(values)
    assert words[words.index("--allowed-media-domains") + 1] == "invalid.invalid"
    assert "--enable-sleep-mode" not in words


def test_several_engines_share_a_volume_and_keep_conversations_together() -> None:
    (one,) = planned()["servingEngineSpec"]["modelSpec"]
    several = planned(replicas=3)
    (three,) = several["servingEngineSpec"]["modelSpec"]
    assert one["pvcAccessMode"] == ["ReadWriteOnce"]
    assert three["pvcAccessMode"] == ["ReadWriteMany"]
    assert several["routerSpec"]["routingLogic"] == "prefixaware"
    assert {planned()["routerSpec"]["routingLogic"], "prefixaware"} <= ROUTING
    assert int(one["pvcStorage"].removesuffix("Gi")) * 2**30 > 17_534_247_392


def test_prefix_caching_is_asked_for() -> None:
    (model,) = planned()["servingEngineSpec"]["modelSpec"]
    assert model["vllmConfig"]["enablePrefixCaching"] is True
