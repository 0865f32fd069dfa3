"""vLLM worker extension (`--worker-extension-cls`): replaces the vision tower of the model that is loaded.

Its methods are called in each worker by `POST /collective_rpc`; all tensors stay where they are, so CUDA
graphs and every other reference to them hold. After a failure in the middle of a load, start the engine anew.
"""

from __future__ import annotations

import glob
import hashlib
import os
import time
from typing import Any

_PREFIX = "model.visual."


class HuiyanExtension:
    """Mixed into vLLM's worker class: every public name here is callable from outside."""

    def huiyan_swap_vision(self, path: str, sha256: str = "") -> dict[str, Any]:
        """Load `model.visual.*` from one safetensors file, or from those of a model's directory.

        sha256: of the file, refused if another. Returns seconds and counts; `before` and `after` are
        checksums of the tower. Raises ValueError for a file that holds other tensors, and for one or a
        directory that lacks some, or whose shapes differ: nothing is changed then.
        """
        import torch
        from safetensors import safe_open

        started_s = time.perf_counter()
        whole_model = os.path.isdir(path)  # noqa: PTH112 - this interpreter's own style, no huiyan helpers
        if sha256:
            with open(path, "rb") as file:  # noqa: PTH123 - this interpreter's own style, no huiyan helpers
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                raise ValueError(f"{path} has the SHA-256 {found}, not {sha256}")
        weights: dict[str, Any] = {}
        for shard in _shards(path) if whole_model else [path]:
            with safe_open(shard, framework="pt", device="cpu") as opened:
                names = [name for name in opened.keys() if name.startswith(_PREFIX)]  # noqa: SIM118 - no dict
                others = [] if whole_model else sorted(set(opened.keys()) - set(names))
                if others:
                    raise ValueError(f"{path} holds {len(others)} tensors of other parts: {others[:3]}")
                weights |= {name: opened.get_tensor(name) for name in names}
        if not weights:
            raise ValueError(f"{path} holds no tensors of a vision tower")
        model = self.model_runner.get_model()  # type: ignore[attr-defined]  # the worker that it is mixed into
        _check(weights, model.visual)
        read_s = time.perf_counter() - started_s
        before = _checksum(model.visual)
        started_s = time.perf_counter()
        model.load_weights(iter(weights.items()))
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return {
            "tensors": len(weights),
            "bytes": sum(tensor.numel() * tensor.element_size() for tensor in weights.values()),
            "read_s": read_s,
            "load_s": time.perf_counter() - started_s,
            "before": before,
            "after": _checksum(model.visual),
        }

    def huiyan_vision_checksum(self) -> str:
        """Of the tower as it is in memory: equal before and after a restart with the same files."""
        return _checksum(self.model_runner.get_model().visual)  # type: ignore[attr-defined]

    def huiyan_memory(self) -> dict[str, int]:
        """Bytes of this worker's GPU: free, total, and what PyTorch holds of it."""
        import torch

        free_bytes, total_bytes = torch.cuda.mem_get_info()
        return {
            "free_bytes": free_bytes,
            "total_bytes": total_bytes,
            "reserved_bytes": torch.cuda.memory_reserved(),
            "allocated_bytes": torch.cuda.memory_allocated(),
        }


def _shards(directory: str) -> list[str]:
    return sorted(glob.glob(os.path.join(glob.escape(directory), "*.safetensors")))  # noqa: PTH118, PTH207


def _check(weights: dict[str, Any], tower: Any) -> None:
    """Every parameter of the tower is given, with as many values. Raises: ValueError."""
    sizes = {_PREFIX + name: parameter.numel() for name, parameter in tower.named_parameters()}
    wrong = sorted(set(sizes) ^ set(weights))
    wrong += [name for name, tensor in weights.items() if sizes.get(name, tensor.numel()) != tensor.numel()]
    if wrong:
        raise ValueError(f"{len(wrong)} tensors do not fit the model's vision tower: {wrong[:3]}")


def _checksum(tower: Any) -> str:
    """Over sums of all parameters in double precision: cheap, and any changed value shows."""
    import torch

    sums = [parameter.detach().double().sum() for _, parameter in sorted(tower.named_parameters())]
    return hashlib.sha256(torch.stack(sums).cpu().numpy().tobytes()).hexdigest()[:16]
