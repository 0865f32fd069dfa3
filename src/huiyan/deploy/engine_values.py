"""Values of the vLLM production-stack chart (`vllm-stack`) for a planned configuration.

Read from the chart as tagged `vllm-stack-0.1.12` (values.schema.json and its templates). Two of its habits
matter here: without `enablePrefixCaching` it turns vLLM's prefix cache off, and without `tensorParallelSize`
the pods get no shared memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from huiyan.hardware.plan.flags import VllmFlags

CHART: Final = "vllm-stack"
CHART_VERSION: Final = "0.1.12"
CHART_REPOSITORY: Final = "https://vllm-project.github.io/production-stack"
ROUTER_PORT: Final = 8000

_GIB: Final = 1024**3
#: For the interpreter, the compiled kernels and the pictures being prepared, besides the prepared ones.
_HOST_BASE_BYTES: Final = 8 * _GIB
#: Of a volume: the files while they are fetched, and what the hub's client keeps beside them.
_VOLUME_SHARE: Final = 1.3
#: Flags that the chart has keys for.
_OWN_KEYS: Final = ("--max-model-len", "--max-num-seqs", "--gpu-memory-utilization")


@dataclass(frozen=True, kw_only=True)
class EnginePlan:
    """model_id: on the hub. weights_bytes: of its files. flags: the planner's.

    image_tag: of vllm/vllm-openai. replicas: engines, each on a card of its own.
    """

    model_id: str
    weights_bytes: int
    flags: VllmFlags
    image_tag: str
    replicas: int


def engine_values(plan: EnginePlan, *, release: str, secret: str) -> dict[str, Any]:
    """release: the chart's, which its pods are labelled with. secret: a Secret with the key `engine-key`."""
    key = {"secretName": secret, "secretKey": "engine-key"}
    confined = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {
        "servingEngineSpec": {
            "enableEngine": True,
            # The router finds engines by these; the chart's own are the same for every release.
            "labels": {"environment": "huiyan", "release": release},
            "vllmApiKey": key,
            "containerSecurityContext": confined,
            # The first pod fetches the model before it answers: an hour, instead of ten minutes.
            "startupProbe": {"failureThreshold": 360},
            "modelSpec": [_model(plan)],
        },
        "routerSpec": {
            "enableRouter": True,
            "replicaCount": 1,
            "serviceType": "ClusterIP",
            # A conversation's next question finds its cache where the one before was answered.
            "routingLogic": "prefixaware" if plan.replicas > 1 else "roundrobin",
            "vllmApiKey": key,
            "containerSecurityContext": confined,
        },
    }


def _model(plan: EnginePlan) -> dict[str, Any]:
    flags = plan.flags
    host_bytes = _HOST_BASE_BYTES + 2 * flags.mm_processor_cache_gb * _GIB
    return {
        "name": _label(plan.model_id),
        "repository": "vllm/vllm-openai",
        "tag": plan.image_tag,
        "modelURL": plan.model_id,
        "replicaCount": plan.replicas,
        "requestCPU": 4,
        "requestMemory": f"{math.ceil(host_bytes / _GIB)}Gi",
        "requestGPU": 1,
        "pvcStorage": f"{math.ceil(plan.weights_bytes * _VOLUME_SHARE / _GIB)}Gi",
        # One volume for all replicas, wherever they run.
        "pvcAccessMode": ["ReadWriteMany" if plan.replicas > 1 else "ReadWriteOnce"],
        "shmSize": "4Gi",
        "env": [
            # Routes that stop an engine, reload weights or run code exist only with this.
            {"name": "VLLM_SERVER_DEV_MODE", "value": "0"},
            {"name": "VLLM_NO_USAGE_STATS", "value": "1"},
            {"name": "DO_NOT_TRACK", "value": "1"},
        ],
        "vllmConfig": {
            "enablePrefixCaching": True,
            "tensorParallelSize": 1,
            "maxModelLen": flags.max_model_len,
            "maxNumSeqs": flags.max_num_seqs,
            **_memory(flags),
            "extraArgs": [
                "--served-model-name",
                plan.model_id,
                *_without(flags.arguments(), _OWN_KEYS),
                "--enable-auto-tool-choice",
                "--tool-call-parser",
                "hermes",
                "--enable-request-id-headers",
                # Nothing is fetched on a request's word; an empty list would allow every domain.
                "--allowed-media-domains",
                "invalid.invalid",
                "--allowed-origins",
                "[]",
            ],
        },
    }


def _memory(flags: VllmFlags) -> dict[str, float]:
    if flags.kv_cache_memory_bytes is not None:
        return {}  # among the arguments; it overrides the share of the card
    return {"gpuMemoryUtilization": round(flags.gpu_memory_utilization, 4)}


def _without(words: list[str], flags: tuple[str, ...]) -> list[str]:
    """`words` less these flags and their values."""
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in flags:
            next(rest)
        else:
            kept.append(word)
    return kept


def _label(model_id: str) -> str:
    """A name for Kubernetes objects: RFC 1123, and short enough for what the chart adds to it."""
    name = model_id.rpartition("/")[2].lower()
    return "".join(character if character.isalnum() else "-" for character in name)[:30].strip("-")
