"""Hold the planner's predictions against what vLLM reported: a Markdown table.

python bench/engine/compare.py bench/engine/results/predictions-h100.jsonl
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from huiyan.hardware.gpu import Gpu
from huiyan.hardware.plan.flags import VllmFlags
from huiyan.hardware.plan.predict import predict
from huiyan.hardware.presets import SHAPES, quantized

#: As cudaMemGetInfo said on the H100 of the run.
H100_TOTAL_BYTES = 85_017_493_504
#: vLLM's own choices for a server on such a card (vllm/engine/arg_utils.py).
DEFAULT_SEQS, DEFAULT_BATCHED = 1024, 8192
#: In the folder `fp8` of shapes.py the vision tower becomes 8-bit, too: its exceptions name modules by their
#: beginning, and vLLM 0.25.1 compares whole names.
QUANTIZATION = {"bf16": "bf16", "fp8": "fp8-online", "gptq4": "gptq-int4"}
GIB = 1024**3


def predicted(case: dict[str, Any]) -> Any:
    gpu = Gpu(
        name="H100",
        memory_total_bytes=H100_TOTAL_BYTES,
        memory_free_bytes=H100_TOTAL_BYTES,
        driver_version="580.159.04",
        compute_capability="9.0",
    )
    flags = VllmFlags(
        max_model_len=case["context"],
        gpu_memory_utilization=case["gpu_memory_fraction"],
        max_num_seqs=DEFAULT_SEQS,
        max_num_batched_tokens=case["batched"] or DEFAULT_BATCHED,
        images=case["images"],
        videos=0,
        image_max_pixels=case["image_tokens"] * 1024,
        kv_cache_dtype=case["kv_dtype"] or "auto",
        enforce_eager=case["eager"],
    )
    return predict(quantized(SHAPES["8B"], QUANTIZATION[case["model"]]), gpu, flags)


def main(path: Path) -> None:
    print("| configuration | weights GiB, said / predicted | KV tokens said | predicted | off | starts |")
    print("|---|---|---|---|---|---|")
    worst = 0.0
    for line in path.read_text("utf-8").splitlines():
        case = json.loads(line)
        guess, said = predicted(case), case["memory"]
        weights = f"{(said['weights_bytes'] or 0) / GIB:.2f} / {guess.weights_bytes / GIB:.2f}"
        agrees = guess.fits == case["starts"]
        starts = f"{'yes' if case['starts'] else 'no'}, {'as predicted' if agrees else 'NOT as predicted'}"
        if said["kv_tokens"]:
            off = guess.kv_tokens / said["kv_tokens"] - 1
            worst = max(worst, abs(off))
            figures = f"{said['kv_tokens']:,} | {guess.kv_tokens:,} | {off:+.2%}"
        else:
            figures = f"- ({case['code']}) | {guess.kv_tokens:,} | -"
        print(f"| {case['name']} | {weights} | {figures} | {starts} |")
    print(f"\nLargest difference: {worst:.2%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
