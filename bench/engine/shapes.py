"""Model folders without weights in Qwen3-VL-8B's shape, for `--load-format dummy`: true speed and memory.

    python bench/engine/shapes.py TOKENIZER_DIR OUT_DIR      (writes OUT_DIR/bf16, fp8, gptq4)

TOKENIZER_DIR holds Qwen3's tokenizer.json and tokenizer_config.json.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

_TEMPLATE = (
    "{%- for m in messages -%}{{- '<|im_start|>' + m.role + '\\n' -}}"
    "{%- if m.content is string -%}{{- m.content -}}{%- else -%}{%- for part in m.content -%}"
    "{%- if part.type in ('image', 'image_url') -%}<|vision_start|><|image_pad|><|vision_end|>"
    "{%- elif part.type == 'text' -%}{{- part.text -}}{%- endif -%}{%- endfor -%}{%- endif -%}"
    "{{- '<|im_end|>\\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
_LINEAR = (
    [f"self_attn.{name}_proj" for name in "qkvo"],
    [f"mlp.{name}_proj" for name in ("gate", "up", "down")],
)
QUANTIZATIONS: dict[str, dict[str, Any] | None] = {
    "bf16": None,
    "fp8": {
        "quant_method": "fp8",
        "activation_scheme": "dynamic",
        "fmt": "e4m3",
        "weight_block_size": [128, 128],
        # vLLM compares whole names: the vision tower becomes 8-bit, too (published folders list each module).
        "modules_to_not_convert": ["lm_head", "model.visual", "visual"],
    },
    # Without naming the modules nothing would be quantised where there are no weights to look at.
    "gptq4": {
        "quant_method": "gptq",
        "bits": 4,
        "group_size": 128,
        "desc_act": False,
        "sym": True,
        "lm_head": False,
        "dynamic": {"-:.*visual.*": {}},
        "modules_in_block_to_quantize": [list(names) for names in _LINEAR],
    },
}


def config(quantization: str) -> dict[str, Any]:
    text = {
        "model_type": "qwen3_vl_text", "dtype": "bfloat16", "vocab_size": 151936, "hidden_size": 4096,
        "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 128, "hidden_act": "silu", "rms_norm_eps": 1e-6,
        "rope_theta": 5_000_000, "max_position_embeddings": 262_144, "attention_bias": False,
        "rope_scaling": {"rope_type": "default", "mrope_interleaved": True, "mrope_section": [24, 20, 20]},
        "bos_token_id": 151643, "eos_token_id": 151645,
    }  # fmt: skip
    vision = {
        "model_type": "qwen3_vl", "depth": 27, "hidden_size": 1152, "intermediate_size": 4304,
        "num_heads": 16, "in_channels": 3,
        "patch_size": 16, "temporal_patch_size": 2, "spatial_merge_size": 2,
        "num_position_embeddings": 2304, "out_hidden_size": 4096, "deepstack_visual_indexes": [8, 16, 24],
        "hidden_act": "gelu_pytorch_tanh",
    }  # fmt: skip
    whole: dict[str, Any] = {
        "architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl", "dtype": "bfloat16",
        "text_config": text, "vision_config": vision, "tie_word_embeddings": False,
        "image_token_id": 151655, "video_token_id": 151656,
        "vision_start_token_id": 151652, "vision_end_token_id": 151653,
    }  # fmt: skip
    chosen = QUANTIZATIONS[quantization]
    return whole if chosen is None else {**whole, "quantization_config": chosen}


def _pictures(kind: str, name: str, most: int, fewest: int) -> dict[str, Any]:
    return {
        f"{kind}_processor_type": name, "processor_class": "Qwen3VLProcessor", "patch_size": 16,
        "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
        "size": {"longest_edge": most, "shortest_edge": fewest},
    }  # fmt: skip


def write(directory: Path, tokenizer: Path, quantization: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    settings = json.loads((tokenizer / "tokenizer_config.json").read_text("utf-8"))
    settings |= {"chat_template": _TEMPLATE, "tokenizer_class": "Qwen2Tokenizer"}
    files = {
        "config.json": config(quantization),
        "preprocessor_config.json": _pictures("image", "Qwen2VLImageProcessorFast", 16_777_216, 65_536),
        "video_preprocessor_config.json": _pictures("video", "Qwen3VLVideoProcessor", 25_165_824, 4_096),
        "generation_config.json": {"eos_token_id": [151645, 151643], "pad_token_id": 151643},
        "tokenizer_config.json": settings,
    }
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    (directory / "chat_template.jinja").write_text(_TEMPLATE, "utf-8")
    shutil.copy(tokenizer / "tokenizer.json", directory)
    return directory


if __name__ == "__main__":
    for each in QUANTIZATIONS:
        print(write(Path(sys.argv[2]) / each, Path(sys.argv[1]), each))
