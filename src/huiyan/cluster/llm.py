"""What Ray Serve LLM is told to run vLLM on GPUs: the planner's flags as its application's arguments.

The application is `ray.serve.llm:build_openai_app`; it brings a vLLM of its own (Ray 2.60 pins 0.29), in an
environment that `pip install "ray[serve,llm]"` makes on the cluster, not in huiyan's.

Source: Ray's documentation, "Configuration reference" of Ray Serve LLM and "Serve Config Files".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from huiyan.cluster.options import ClusterOptions
from huiyan.hardware.plan.candidates import Candidate
from huiyan.hardware.plan.flags import VllmFlags

_IMPORT_PATH: Final = "ray.serve.llm:build_openai_app"
#: Serve's own limit on one replica, above vLLM's: what waits does so in vLLM, and shows in its metrics.
_QUEUE_FACTOR: Final = 2


def engine_kwargs(flags: VllmFlags) -> dict[str, Any]:
    """The flags by the names that vLLM's arguments have in Python."""
    found: dict[str, Any] = {
        "max_model_len": flags.max_model_len,
        "max_num_seqs": flags.max_num_seqs,
        "max_num_batched_tokens": flags.max_num_batched_tokens,
        "limit_mm_per_prompt": {"image": flags.images, "video": flags.videos},
        "mm_processor_kwargs": {
            "size": {"shortest_edge": flags.image_min_pixels, "longest_edge": flags.image_max_pixels}
        },
        "mm_processor_cache_gb": flags.mm_processor_cache_gb,
        "enable_prefix_caching": True,
    }
    if flags.kv_cache_memory_bytes is not None:
        found["kv_cache_memory_bytes"] = flags.kv_cache_memory_bytes
    else:
        found["gpu_memory_utilization"] = round(flags.gpu_memory_utilization, 4)
    if flags.kv_cache_dtype != "auto":
        found["kv_cache_dtype"] = flags.kv_cache_dtype
    if flags.enforce_eager:
        found["enforce_eager"] = True
    if flags.async_scheduling is not None:
        found["async_scheduling"] = flags.async_scheduling
    if flags.safetensors_load_strategy is not None:
        found["safetensors_load_strategy"] = flags.safetensors_load_strategy
    return found


def llm_config(
    chosen: Candidate,
    *,
    model_id: str,
    directory: Path,
    accelerator: str | None,
    options: ClusterOptions,
) -> dict[str, Any]:
    """One `LLMConfig`. directory: of the model on every node. accelerator: Ray's name of the card."""
    flags = chosen.flags
    limits = {"max_ongoing_requests": _QUEUE_FACTOR * flags.max_num_seqs}
    low, high = options.min_replicas, options.most_replicas
    scaling: dict[str, Any] = {"num_replicas": low}
    if low != high:
        scaling = {
            "autoscaling_config": {
                "min_replicas": low,
                "max_replicas": high,
                "target_ongoing_requests": options.target_load,
                "upscale_delay_s": options.upscale_delay_s,
                "downscale_delay_s": options.downscale_delay_s,
            }
        }
    config: dict[str, Any] = {
        # A local directory: what a node serves is what its lock says, and nothing is fetched from a hub.
        "model_loading_config": {"model_id": model_id, "model_source": str(directory)},
        "engine_kwargs": engine_kwargs(flags),
        "deployment_config": {**scaling, **limits},
        # No address is asked for what a node does not have.
        "runtime_env": {"env_vars": {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}},
    }
    if accelerator is not None:
        config["accelerator_type"] = accelerator
    return config


def serve_file(configs: list[dict[str, Any]], options: ClusterOptions) -> dict[str, Any]:
    """What `serve deploy FILE` takes; JSON is YAML."""
    return {
        "proxy_location": "HeadOnly",
        "http_options": {"host": options.http_host, "port": 8000},
        "applications": [
            {
                "name": f"{options.name}-llm",
                "route_prefix": "/",
                "import_path": _IMPORT_PATH,
                "args": {"llm_configs": configs},
            }
        ],
    }
