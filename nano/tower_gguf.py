"""Put a vision tower into llama.cpp's file of another tower of the same shape.

python -m nano.tower_gguf --mmproj nano-mmproj.gguf --hf MODEL --out new-mmproj.gguf

Header, metadata and types are those of `--mmproj`; every tensor comes from MODEL/model.safetensors, quantised
as it is there. With the model that `--mmproj` was made from the result must be `--mmproj` itself: `--check`.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from nano import weights

_LAYER = {
    "attn_qkv": "attn.qkv",
    "attn_out": "attn.proj",
    "ffn_up": "mlp.linear_fc1",
    "ffn_down": "mlp.linear_fc2",
    "ln1": "norm1",
    "ln2": "norm2",
}
_DEEP = {"norm": "norm", "fc1": "linear_fc1", "fc2": "linear_fc2"}
_PLAIN = {
    "mm.0": "merger.linear_fc1",
    "mm.2": "merger.linear_fc2",
    "v.post_ln": "merger.norm",
    "v.patch_embd": "patch_embed.proj",
}


def source(name: str, deep: list[int]) -> tuple[str, int | None]:
    """(name below `model.visual.`, frame of the patch kernel or None) of a tensor of llama.cpp's."""
    if name == "v.position_embd.weight":
        return "pos_embed.weight", None
    if name.startswith("v.patch_embd.weight"):
        return "patch_embed.proj.weight", 1 if name.endswith(".1") else 0
    stem, _, end = name.rpartition(".")
    if stem in _PLAIN:
        return f"{_PLAIN[stem]}.{end}", None
    if match := re.fullmatch(r"v\.blk\.(\d+)\.(\w+)", stem):
        return f"blocks.{match[1]}.{_LAYER[match[2]]}.{end}", None
    if match := re.fullmatch(r"v\.deepstack\.(\d+)\.(\w+)", stem):
        return f"deepstack_merger_list.{deep.index(int(match[1]))}.{_DEEP[match[2]]}.{end}", None
    raise SystemExit(f"unknown tensor {name}")


def convert(mmproj: Path, hf: Path, out: Path) -> int:
    """Returns the number of bytes of tensors that are not those of `mmproj`."""
    import gguf
    import numpy as np

    reader = gguf.GGUFReader(mmproj)
    found = weights.read(hf / "model.safetensors")
    deep = sorted({int(t.name.split(".")[2]) for t in reader.tensors if t.name.startswith("v.deepstack.")})
    data = bytearray(mmproj.read_bytes())
    others = 0
    for tensor in reader.tensors:
        name, frame = source(tensor.name, deep)
        values: Any = found[weights.TOWER + name].float().numpy()
        if frame is not None:
            values = values[:, :, frame]
        values = np.ascontiguousarray(values.reshape([int(size) for size in tensor.shape[::-1]]))
        raw = gguf.quants.quantize(values, tensor.tensor_type).tobytes()
        at, size = int(tensor.data_offset), int(tensor.n_bytes)
        if len(raw) != size:
            raise SystemExit(f"{tensor.name} does not fit")
        others += int((np.frombuffer(raw, np.uint8) != np.frombuffer(data[at : at + size], np.uint8)).sum())
        data[at : at + size] = raw
    out.write_bytes(data)
    return others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mmproj", type=Path, required=True)
    parser.add_argument("--hf", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--check", action="store_true", help="exit with 1 if the two files differ")
    options = parser.parse_args()
    differ = convert(options.mmproj, options.hf, options.out)
    print(f"{differ} bytes of tensors differ from {options.mmproj.name}")
    sys.exit(1 if options.check and differ else 0)


if __name__ == "__main__":
    main()
