"""The two losses, the noise that pictures get on the GPU, and accuracy on new samples."""

from __future__ import annotations

import time
from collections import Counter
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nano.batch import Batch, make_batch
from nano.conversation import BUCKETS, PAIR_BUCKETS, draw_conversation
from nano.dice import Dice
from nano.model import NanoVL, to_patches
from nano.model.layers import LAYERS, eager_layers
from nano.model.nano_vl import Pictures
from nano.tokenizer import Tokenizer

_BLUR: dict[torch.device, Tensor] = {}


class Losses(NamedTuple):
    """language, auxiliary: scalars. logits: [wanted, vocabulary] for `targets`, int64[wanted].

    places: flat, in [rows * tokens], of the tokens that the logits follow.
    """

    language: Tensor
    auxiliary: Tensor
    logits: Tensor
    targets: Tensor
    places: Tensor


def losses(model: NanoVL, batch: Batch, dtype: torch.dtype, *, augmented: bool) -> Losses:
    """Cross entropy of the answers' tokens, and of the characters in the chosen patches."""
    ids, labels = batch.ids.long(), batch.labels.long()
    tokens = ids.shape[1]
    wanted = batch.wanted
    places = wanted // (tokens - 1) * tokens + wanted % (tokens - 1)
    targets = labels[:, 1:].reshape(-1)[wanted]
    pictures = None
    if batch.pixels is not None and batch.bucket is not None and batch.image_at is not None:
        pixels = augment(batch.pixels) if augmented else batch.pixels
        rows, columns = batch.bucket[1] * 2, batch.bucket[0] * 2
        patches = to_patches(pixels, dtype)
        pictures = Pictures(patches, rows, columns, batch.image_at, batch.auxiliary_at)
    logits, auxiliary = model(ids, batch.positions.long(), places, pictures)
    language_loss = F.cross_entropy(logits.float(), targets)
    if auxiliary is None or batch.auxiliary_class is None:
        auxiliary_loss = torch.zeros((), device=ids.device)
    else:
        auxiliary_loss = F.cross_entropy(auxiliary.float(), batch.auxiliary_class)
    return Losses(language_loss, auxiliary_loss, logits, targets, places)


def augment(pixels: Tensor) -> Tensor:
    """Blur, brightness, contrast and grain, each for some pictures.

    pixels: [pictures, height, width, 3], 0..255; returns float32 of the same shape.
    """
    count, device = pixels.shape[0], pixels.device
    x = pixels.float().permute(0, 3, 1, 2)

    def some(share: float) -> Tensor:
        return (torch.rand(count, 1, 1, 1, device=device) < share).float()

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, 1, 1, 1, device=device) * (high - low) + low

    x = torch.lerp(x, _blurred(x), some(0.25) * uniform(0, 1))
    x = (x - 128) * (1 + some(0.3) * uniform(-0.25, 0.1)) + 128 + some(0.3) * uniform(-25, 15)
    x = x + torch.randn_like(x) * (some(0.35) * uniform(0, 12))
    return x.clamp(0, 255).permute(0, 2, 3, 1)


def _blurred(x: Tensor) -> Tensor:
    """A 3 x 3 binomial filter; x: [pictures, 3, height, width]."""
    if x.device not in _BLUR:  # made once: a copy from the host for every batch would stall the queue
        _BLUR[x.device] = torch.tensor([0.25, 0.5, 0.25], device=x.device)
    kernel = _BLUR[x.device]
    out = F.pad(x, (1, 1, 1, 1), mode="replicate")
    out = F.conv2d(out, kernel.view(1, 1, 1, 3).expand(3, 1, 1, 3), groups=3)
    return F.conv2d(out, kernel.view(1, 1, 3, 1).expand(3, 1, 3, 1), groups=3)


@torch.no_grad()
def evaluate(
    model: NanoVL,
    tokenizer: Tokenizer,
    dice: Dice,
    device: str,
    dtype: torch.dtype,
    *,
    batches: int,
    batch_size: int = 48,
    limit_s: float,
) -> dict[str, tuple[int, int]]:
    """For each task (answers that are wholly right, answers), with the true answer fed in.

    That equals the share of exact greedy answers. Stops at `batches` or after `limit_s`.
    """
    model.eval()
    compiled = dict(LAYERS)
    eager_layers()
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    begin = time.monotonic()
    for i in range(batches):
        if time.monotonic() - begin > limit_s:
            break
        image_count = 2 if i % 6 == 5 else 1
        bucket = dice.rng.choice(PAIR_BUCKETS if image_count == 2 else BUCKETS)
        drawn = [draw_conversation(dice, image_count, bucket, turn_count=1) for _ in range(batch_size)]
        batch = make_batch(tokenizer, drawn, bucket, dice.rng, auxiliary=False).to(device)
        result = losses(model, batch, dtype, augmented=False)
        missed = result.logits.argmax(-1) != result.targets
        row = result.places // batch.ids.shape[1]
        misses = torch.bincount(row[missed], minlength=batch_size).cpu()
        for number, conversation in enumerate(drawn):
            task = conversation.turns[0].task
            total[task] += 1
            right[task] += int(misses[number] == 0)
    model.train()
    LAYERS.update(compiled)
    return {task: (right[task], total[task]) for task in sorted(total)}
