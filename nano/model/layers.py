"""One vision layer and one text layer, as functions of tensors.

Plain functions, so that one compiled set of kernels serves every layer. `LAYERS` holds what is
called: eager, or compiled after `compile_layers`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from nano.model.config import TEXT, VISION

_VISION_HEAD = VISION.head_dim
_GROUP = TEXT.num_attention_heads // TEXT.num_key_value_heads


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of the last axis, whose halves are the two coordinates."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


def vision_layer(
    x: Tensor,
    cos: Tensor,
    sin: Tensor,
    norm1: Tensor,
    norm1_bias: Tensor,
    qkv: Tensor,
    qkv_bias: Tensor,
    proj: Tensor,
    proj_bias: Tensor,
    norm2: Tensor,
    norm2_bias: Tensor,
    fc1: Tensor,
    fc1_bias: Tensor,
    fc2: Tensor,
    fc2_bias: Tensor,
) -> Tensor:
    """x: [pictures, patches, hidden]; cos, sin: [patches, head_dim]. Attention over each picture alone."""
    pictures, patches, hidden = x.shape
    normed = F.layer_norm(x, (hidden,), norm1, norm1_bias, 1e-6)
    heads = F.linear(normed, qkv, qkv_bias).view(pictures, patches, 3, hidden // _VISION_HEAD, _VISION_HEAD)
    query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
    out = F.scaled_dot_product_attention(rotate(query, cos, sin), rotate(key, cos, sin), value)
    x = x + F.linear(out.transpose(1, 2).reshape(pictures, patches, hidden), proj, proj_bias)
    normed = F.layer_norm(x, (hidden,), norm2, norm2_bias, 1e-6)
    inner = F.gelu(F.linear(normed, fc1, fc1_bias), approximate="tanh")
    return x + F.linear(inner, fc2, fc2_bias)


def text_layer(
    x: Tensor,
    cos: Tensor,
    sin: Tensor,
    input_norm: Tensor,
    q_proj: Tensor,
    k_proj: Tensor,
    v_proj: Tensor,
    q_norm: Tensor,
    k_norm: Tensor,
    o_proj: Tensor,
    post_norm: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
) -> Tensor:
    """x: [rows, tokens, hidden]; cos, sin: [rows, 1, tokens, head_dim]. Causal attention."""
    rows, tokens, hidden = x.shape
    head = TEXT.head_dim

    def heads(weight: Tensor, count: int) -> Tensor:
        return F.linear(normed, weight).view(rows, tokens, count, head)

    normed = F.rms_norm(x, (hidden,), input_norm, TEXT.rms_norm_eps)
    query = F.rms_norm(heads(q_proj, TEXT.num_attention_heads), (head,), q_norm, TEXT.rms_norm_eps)
    key = F.rms_norm(heads(k_proj, TEXT.num_key_value_heads), (head,), k_norm, TEXT.rms_norm_eps)
    query, key = rotate(query.transpose(1, 2), cos, sin), rotate(key.transpose(1, 2), cos, sin)
    value = heads(v_proj, TEXT.num_key_value_heads).transpose(1, 2)
    key, value = key.repeat_interleave(_GROUP, 1), value.repeat_interleave(_GROUP, 1)
    out = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    x = x + F.linear(out.transpose(1, 2).reshape(rows, tokens, TEXT.num_attention_heads * head), o_proj)
    normed = F.rms_norm(x, (hidden,), post_norm, TEXT.rms_norm_eps)
    return x + F.linear(F.silu(F.linear(normed, gate)) * F.linear(normed, up), down)


LAYERS: dict[str, Callable[..., Tensor]] = {"vision": vision_layer, "text": text_layer}


def compile_layers() -> None:
    """Compile both for any batch size and length."""
    vision, text = torch.compile(vision_layer), torch.compile(text_layer)
    varies = torch._dynamo.maybe_mark_dynamic  # noqa: SLF001 (has no public name)

    def compiled_vision(x: Tensor, cos: Tensor, sin: Tensor, *weights: Tensor) -> Tensor:
        for tensor, axes in ((x, (0, 1)), (cos, (0,)), (sin, (0,))):
            for axis in axes:
                varies(tensor, axis)
        out: Tensor = vision(x, cos, sin, *weights)
        return out

    def compiled_text(x: Tensor, cos: Tensor, sin: Tensor, *weights: Tensor) -> Tensor:
        for tensor, axes in ((x, (0, 1)), (cos, (0, 2)), (sin, (0, 2))):
            for axis in axes:
                varies(tensor, axis)
        out: Tensor = text(x, cos, sin, *weights)
        return out

    LAYERS.update(vision=compiled_vision, text=compiled_text)


def eager_layers() -> None:
    LAYERS.update(vision=vision_layer, text=text_layer)
