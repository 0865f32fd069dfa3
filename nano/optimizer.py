"""Muon for the matrices, AdamW for the rest; bf16 weights with fp32 master copies."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_MOMENTUM = 0.95
_CLIP_NORM = 2.0
_Shape = tuple[int, int]


def orthogonalise(gradients: Tensor, steps: int = 5) -> Tensor:
    """Newton-Schulz iteration on a stack of matrices, [count, rows, columns].

    Source: Keller Jordan, "Muon: an optimizer for hidden layers in neural networks".
    """
    x = gradients.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.mT if tall else x


class Optimizer:
    """Takes fp32 copies of the weights, so make it before the model is cast to bf16.

    Matrices of one shape are stepped together; the joint query-key-value matrix counts as three.
    """

    def __init__(self, model: nn.Module, muon_rate: float, adam_rate: float, decay: float = 0.05) -> None:
        self._muon_rate, self._adam_rate, self._decay = muon_rate, adam_rate, decay
        self._matrices: dict[_Shape, list[tuple[nn.Parameter, int]]] = {}
        rest: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2 and any(part in name for part in ("blocks.", "layers.", "merger")):
                parts = parameter.shape[0] // parameter.shape[1] if "qkv" in name else 1
                shape = (parameter.shape[0] // parts, parameter.shape[1])
                self._matrices.setdefault(shape, []).append((parameter, parts))
            else:
                rest.append(parameter)
        self._parameters = [p for group in self._matrices.values() for p, _ in group] + rest
        self._momentum: dict[_Shape, Tensor] = {}
        self._master = {
            shape: torch.cat([p.detach().float().view(parts, *shape) for p, parts in group])
            for shape, group in self._matrices.items()
        }
        self._rest = rest
        self._rest_master = [nn.Parameter(p.detach().float().clone()) for p in rest]
        matrices = [p for p in self._rest_master if p.dim() > 1]
        vectors = [p for p in self._rest_master if p.dim() <= 1]
        self._adam = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}],
            lr=adam_rate,
            betas=(0.9, 0.98),
            eps=1e-10,
            fused=rest[0].is_cuda,
        )

    @torch.no_grad()
    def step(self, scale: float) -> Tensor:
        """Apply and drop the gradients. scale: of both rates, 0..1. Returns the gradients' norm."""
        norm: Tensor = torch.nn.utils.get_total_norm([p.grad for p in self._parameters])
        for shape, group in self._matrices.items():
            self._step_matrices(shape, group, self._muon_rate * scale)
        self._step_rest((_CLIP_NORM / (norm + 1e-6)).clamp(max=1.0), self._adam_rate * scale)
        for parameter in self._parameters:
            parameter.grad = None
        return norm

    def _step_matrices(self, shape: _Shape, group: list[tuple[nn.Parameter, int]], rate: float) -> None:
        gradient = torch.cat([_gradient(p).view(parts, *shape) for p, parts in group]).float()
        if shape not in self._momentum:
            self._momentum[shape] = torch.zeros_like(gradient)
        momentum = self._momentum[shape]
        momentum.lerp_(gradient, 1 - _MOMENTUM)
        update = orthogonalise(gradient.lerp(momentum, _MOMENTUM)).float()
        master = self._master[shape]
        master.mul_(1 - rate * self._decay).add_(update, alpha=-rate * 0.2 * max(shape) ** 0.5)
        at = 0
        for parameter, parts in group:
            parameter.copy_(master[at : at + parts].view_as(parameter))
            at += parts

    def _step_rest(self, clip: Tensor, rate: float) -> None:
        for parameter, master in zip(self._rest, self._rest_master, strict=True):
            master.grad = _gradient(parameter).float() * clip
        for group in self._adam.param_groups:
            group["lr"] = rate
        self._adam.step()
        torch._foreach_copy_(self._rest, self._rest_master)


def _gradient(parameter: nn.Parameter) -> Tensor:
    if parameter.grad is None:
        raise RuntimeError("a parameter took part in no loss")
    return parameter.grad
