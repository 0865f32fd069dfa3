"""A check on the CPU: a handful of samples must be learnt by heart.

python -m nano.overfit ASSETS --tokenizer TOKENIZER --out RUN --steps 40
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from random import Random

import torch

from nano.assets import Assets
from nano.batch import Batch, make_batch
from nano.charset import CLASS_COUNT
from nano.checkpoint import save
from nano.conversation import Bucket, Conversation, draw_conversation
from nano.dice import Dice
from nano.losses import losses
from nano.model import NanoVL
from nano.optimizer import Optimizer
from nano.tokenizer import Tokenizer

#: Pictures in each sample, their size, and what they show.
_GROUPS: list[tuple[int, Bucket, list[str | None]]] = [
    (1, (8, 8), ["text", "shapes", "tag"]),
    (2, (10, 6), [None]),
]


def overfit(assets: Path, tokenizer_folder: Path, out: Path, steps: int) -> bool:
    """Train on four samples; save samples and weights. Returns whether every token came right."""
    torch.manual_seed(0)
    dice = Dice(Random(5), Assets(assets))
    tokenizer = Tokenizer(tokenizer_folder)
    drawn: list[tuple[Bucket, list[Conversation]]] = [
        (bucket, [draw_conversation(dice, count, bucket, scene=scene, turn_count=1) for scene in scenes])
        for count, bucket, scenes in _GROUPS
    ]
    model = NanoVL(tokenizer.size, CLASS_COUNT)
    optimizer = Optimizer(model, 8e-3, 4e-3)
    model.to(torch.bfloat16)
    batches = [make_batch(tokenizer, conversations, bucket, Random(1)) for bucket, conversations in drawn]
    out.mkdir(parents=True, exist_ok=True)
    torch.save([(c.images, c.turns) for _, conversations in drawn for c in conversations], out / "samples.pt")
    right = wanted = 0
    begin = time.monotonic()
    for step in range(steps):
        loss, right, wanted = _step(model, batches)
        optimizer.step(min(1, (step + 1) / 5) * (1 if step < steps * 0.6 else 0.3))
        if step % 5 == 4 or step < 3:
            print(step, f"{loss:.3f} right {right / wanted:.3f} {time.monotonic() - begin:.0f}s", flush=True)
        if right == wanted:
            break
    save(model, out)
    return right == wanted


def _step(model: NanoVL, batches: list[Batch]) -> tuple[float, int, int]:
    """(mean language loss, tokens that come right, tokens)."""
    loss = 0.0
    right = wanted = 0
    for batch in batches:
        result = losses(model, batch, torch.bfloat16, augmented=False)
        (result.language + 0.3 * result.auxiliary).backward()
        loss += result.language.item()
        right += int((result.logits.argmax(-1) == result.targets).sum().item())
        wanted += result.targets.numel()
    return loss / len(batches), right, wanted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    return 0 if overfit(arguments.assets, arguments.tokenizer, arguments.out, arguments.steps) else 1


if __name__ == "__main__":
    raise SystemExit(main())
