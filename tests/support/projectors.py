"""Other vision encoders for nano, made from its own file by changing numbers in it."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from huiyan import nano
from huiyan.engines import gguf

_ALIGNMENT = 32
_Q8_0_BYTES = 34


#: One of the sample pictures that `slightly_other` describes otherwise than nano does.
TOLD_OTHERWISE = "09_receipt_zh.png"


def slightly_other(out: Path) -> Path:
    """It sees nearly as well, and puts some answers otherwise: noise in some blocks of its last layer."""
    return _with_noise(out, share=0.05)


def noisy(out: Path) -> Path:
    """Noise in place of its last layer: fluent, and nearly blind."""
    return _with_noise(out, share=1.0)


def _with_noise(out: Path, *, share: float) -> Path:
    generator = random.Random(3)
    data = bytearray(nano.MMPROJ_PATH.read_bytes())
    start, (inner, outer) = _tensors(data)["mm.2.weight"]
    for block in range(inner * outer // 32):
        if generator.random() < share:
            at = start + block * _Q8_0_BYTES + 2  # behind its scale
            data[at : at + 32] = generator.randbytes(32)
    return _written(out, data)


def swapped_colours(out: Path) -> Path:
    """Red is blue to it: every single answer is plausible."""
    data = bytearray(nano.MMPROJ_PATH.read_bytes())
    for name in ("v.patch_embd.weight", "v.patch_embd.weight.1"):
        start, (width, height, _, kernels) = _tensors(data)[name]
        plane = width * height * 4
        for kernel in range(kernels):
            red = start + kernel * 3 * plane
            blue = red + 2 * plane
            data[red : red + plane], data[blue : blue + plane] = (
                data[blue : blue + plane],
                data[red : red + plane],
            )
    return _written(out, data)


def with_number(out: Path, key: str, value: int) -> Path:
    """With another number in its head."""
    data = bytearray(nano.MMPROJ_PATH.read_bytes())
    at = data.index(_text(key)) + len(_text(key)) + 4
    struct.pack_into("<I", data, at, value)
    return _written(out, data)


def with_other_tensor(out: Path) -> Path:
    """With a tensor of another name."""
    data = bytearray(nano.MMPROJ_PATH.read_bytes())
    at = data.index(_text("mm.2.bias"))
    data[at + 8 : at + 17] = b"mm.3.bias"
    return _written(out, data)


def _tensors(data: bytearray) -> dict[str, tuple[int, tuple[int, ...]]]:
    """(where its bytes begin, shape) by name."""
    found, end = {}, 0
    for name, shape in gguf.read_head(nano.MMPROJ_PATH).shapes.items():
        at = data.index(_text(name)) + 8 + len(name) + 4 + 8 * len(shape) + 4
        found[name] = (struct.unpack_from("<Q", data, at)[0], shape)
        end = max(end, at + 8)
    base = (end + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT
    return {name: (base + offset, shape) for name, (offset, shape) in found.items()}


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _written(out: Path, data: bytearray) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)
    return out
