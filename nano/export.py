"""A training checkpoint to a Hugging Face folder, and from there to GGUF and mmproj.

    python -m nano.export hf RUN/final --tokenizer TOKENIZER --out HF
    python -m nano.export gguf HF --converter LLAMA_CPP --out DIR/nano --type q8_0

LLAMA_CPP holds llama.cpp's convert_hf_to_gguf.py with its `conversion` and `gguf` packages.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from nano.model.config import TEXT, VISION
from nano.tokenizer import Tokenizer

#: Pixels of 64 and 256 visual tokens: what the model was trained on.
_FEWEST_PIXELS, _MOST_PIXELS = 65_536, 262_144

#: The converter knows pre-tokenizers by a hash over what they give, which our merges change: it is told.
_CONVERT = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
import conversion.base
conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
sys.argv[0] = "convert_hf_to_gguf.py"
runpy.run_module("convert_hf_to_gguf", run_name="__main__")
"""


def to_hugging_face(checkpoint: Path, tokenizer_folder: Path, out: Path) -> None:
    """Write config, weights (bf16), tokenizer and processor. Raises: ValueError if weights do not fit."""
    import torch
    from transformers import GenerationConfig, Qwen3VLConfig, Qwen3VLForConditionalGeneration

    from nano.checkpoint import load

    tokenizer = Tokenizer(tokenizer_folder)
    model = Qwen3VLForConditionalGeneration(Qwen3VLConfig(**_config(tokenizer))).to(torch.bfloat16)
    result = model.load_state_dict(load(checkpoint), strict=False)
    if result.unexpected_keys or set(result.missing_keys) - {"lm_head.weight"}:
        raise ValueError(f"weights do not fit the architecture: {result}")
    model.tie_weights()
    model.generation_config = GenerationConfig(
        eos_token_id=[tokenizer.end, tokenizer.pad], pad_token_id=tokenizer.pad, do_sample=False
    )
    model.save_pretrained(out)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(tokenizer_folder / name, out)
    for name, processor in _processors().items():
        (out / name).write_text(json.dumps(processor, indent=1), encoding="utf-8")
    print("parameters", sum(parameter.numel() for parameter in model.parameters()))


def _config(tokenizer: Tokenizer) -> dict[str, object]:
    """Arguments of Qwen3VLConfig."""
    text = asdict(TEXT)
    theta, section = text.pop("rope_theta"), list(text.pop("mrope_section"))
    rope = {
        "rope_type": "default",
        "rope_theta": theta,
        "mrope_interleaved": True,
        "mrope_section": section,
    }
    text |= {
        "vocab_size": tokenizer.size,
        "rope_parameters": rope,
        "rope_theta": theta,
        "bos_token_id": tokenizer.pad,
        "eos_token_id": tokenizer.end,
        "tie_word_embeddings": True,
    }
    vision = asdict(VISION) | {"hidden_act": "gelu_pytorch_tanh"}
    vision["deepstack_visual_indexes"] = list(VISION.deepstack_visual_indexes)
    return {
        "text_config": text,
        "vision_config": vision,
        "image_token_id": tokenizer.image,
        "video_token_id": tokenizer.special["<|video_pad|>"],
        "vision_start_token_id": tokenizer.special["<|vision_start|>"],
        "vision_end_token_id": tokenizer.special["<|vision_end|>"],
        "tie_word_embeddings": True,
        "architectures": ["Qwen3VLForConditionalGeneration"],
    }


def _processors() -> dict[str, dict[str, object]]:
    """File name to content."""
    image: dict[str, object] = {
        "size": {"longest_edge": _MOST_PIXELS, "shortest_edge": _FEWEST_PIXELS},
        "patch_size": VISION.patch_size,
        "temporal_patch_size": VISION.temporal_patch_size,
        "merge_size": VISION.spatial_merge_size,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "processor_class": "Qwen3VLProcessor",
        "image_processor_type": "Qwen2VLImageProcessorFast",
    }
    video = {key: value for key, value in image.items() if key != "image_processor_type"}
    video |= {
        "size": {"longest_edge": _MOST_PIXELS, "shortest_edge": 4096},
        "video_processor_type": "Qwen3VLVideoProcessor",
    }
    return {"preprocessor_config.json": image, "video_preprocessor_config.json": video}


def to_gguf(folder: Path, converter: Path, prefix: Path, kind: str) -> None:
    """Write PREFIX.gguf and PREFIX-mmproj.gguf. kind: f16, q8_0, …"""
    for extra, suffix in (([], ".gguf"), (["--mmproj"], "-mmproj.gguf")):
        out = prefix.with_name(prefix.name + suffix)
        command = [sys.executable, "-c", _CONVERT, str(converter), str(folder)]
        subprocess.run([*command, "--outtype", kind, "--outfile", str(out), *extra], check=True)
        print(out, out.stat().st_size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    targets = parser.add_subparsers(dest="target", required=True)
    hf = targets.add_parser("hf", help="Hugging Face folder from a checkpoint")
    hf.add_argument("checkpoint", type=Path)
    hf.add_argument("--tokenizer", type=Path, required=True)
    hf.add_argument("--out", type=Path, required=True)
    gguf = targets.add_parser("gguf", help="GGUF files from a Hugging Face folder")
    gguf.add_argument("folder", type=Path)
    gguf.add_argument("--converter", type=Path, required=True)
    gguf.add_argument("--out", type=Path, required=True, help="path without the endings")
    gguf.add_argument("--type", default="f16")
    arguments = parser.parse_args()
    if arguments.target == "hf":
        to_hugging_face(arguments.checkpoint, arguments.tokenizer, arguments.out)
    else:
        to_gguf(arguments.folder, arguments.converter, arguments.out, arguments.type)


if __name__ == "__main__":
    main()
