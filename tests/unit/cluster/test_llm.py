"""The deployment file of Ray Serve LLM, against the schema of Ray's own LLMConfig.

The schema was written by `LLMConfig.model_json_schema()` of Ray 2.60.0 (its module
`ray.llm._internal.serve.core.configs.llm_config`; `ray.serve.llm` itself cannot be imported without vLLM).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from huiyan.cluster.llm import llm_config, serve_file
from huiyan.cluster.options import ClusterOptions
from huiyan.hardware.plan.candidates import Candidate
from huiyan.hardware.plan.make import make_plan
from huiyan.hardware.plan.wish import Wish
from huiyan.hardware.profiles import parse_card, profile
from tests.support.machines import machine

SCHEMA = json.loads((Path(__file__).parents[2] / "data/ray/llm-config-2.60.0.schema.json").read_text("utf-8"))


def chosen(card: str) -> Candidate:
    found = make_plan(machine(), Wish(), profile("auto"), card=parse_card(card)).chosen
    assert found is not None
    return found


def config_of(candidate: Candidate, **more: Any) -> dict[str, Any]:
    given = {"model_id": "m", "directory": Path("/models/m"), "accelerator": None, **more}
    return llm_config(candidate, options=given.pop("options", ClusterOptions.model_validate({})), **given)


@pytest.mark.parametrize("card", ["A10:24GiB:8.6", "H100:79.65GiB:9.0", "L4:24GiB:8.9"])
@pytest.mark.parametrize("accelerator", [None, "A10G"])
@pytest.mark.parametrize("bounds", [{}, {"min_replicas": 2, "max_replicas": 6}])
def test_rays_own_schema_takes_it(card: str, accelerator: str | None, bounds: dict[str, int]) -> None:
    options = ClusterOptions.model_validate(bounds)
    config = config_of(chosen(card), accelerator=accelerator, options=options)
    jsonschema.validate(config, SCHEMA)
    assert ("autoscaling_config" in config["deployment_config"]) == bool(bounds)


def test_the_schema_refuses_what_ray_would() -> None:
    config = config_of(chosen("A10:24GiB:8.6"))
    wrongs: list[dict[str, Any]] = [{"nonsense": 1}, {"accelerator_type": 3}, {"engine_kwargs": 3}]
    for wrong in wrongs:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**config, **wrong}, SCHEMA)


def test_the_planners_flags_arrive() -> None:
    candidate = chosen("A10:24GiB:8.6")
    kwargs = config_of(candidate)["engine_kwargs"]
    flags = candidate.flags
    assert kwargs["max_model_len"] == flags.max_model_len
    assert kwargs["limit_mm_per_prompt"] == {"image": flags.images, "video": flags.videos}
    assert kwargs["mm_processor_kwargs"]["size"]["longest_edge"] == flags.image_max_pixels
    assert ("kv_cache_memory_bytes" in kwargs) != ("gpu_memory_utilization" in kwargs)


def test_the_file_names_the_builder_and_a_local_directory() -> None:
    told = serve_file([config_of(chosen("A10:24GiB:8.6"))], ClusterOptions.model_validate({}))
    (application,) = told["applications"]
    assert application["import_path"] == "ray.serve.llm:build_openai_app"
    source = application["args"]["llm_configs"][0]["model_loading_config"]["model_source"]
    assert source == "/models/m", "nothing is fetched from a hub by its name"
    assert json.loads(json.dumps(told)) == told
