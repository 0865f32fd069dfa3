"""Train the vision tower further, on pictures that were badly taken; everything else of the model stays.

python -m nano.further ASSETS --hf MODEL --out NEW --seconds 170

Writes NEW/model.safetensors, which differs from MODEL/model.safetensors in tensors of the vision tower alone:
an old and a new model for `huiyan release make vision-encoder`.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from nano import weights
from nano.assets import Assets
from nano.batch import Batch, make_batch
from nano.charset import CLASS_COUNT
from nano.conversation import BUCKETS, draw_conversation
from nano.dice import Dice
from nano.losses import losses
from nano.model import NanoVL
from nano.optimizer import Optimizer
from nano.stream import Stream
from nano.tokenizer import Tokenizer

_WARM_UP_STEPS = 50
#: Apart from every training stream's seed.
_HELD_OUT_SEED = 20260101
_QUESTIONS = 48


def worse(pixels: Tensor) -> Tensor:
    """Dark, flat, blurred, grainy. pixels: [pictures, height, width, 3], 0..255; returns float32."""
    count, device = pixels.shape[0], pixels.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, 1, 1, 1, device=device) * (high - low) + low

    x = pixels.float().permute(0, 3, 1, 2)
    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=device) / 16
    blurred = F.pad(x, (2, 2, 2, 2), mode="replicate")
    blurred = F.conv2d(blurred, kernel.view(1, 1, 1, 5).expand(3, 1, 1, 5), groups=3)
    blurred = F.conv2d(blurred, kernel.view(1, 1, 5, 1).expand(3, 1, 5, 1), groups=3)
    x = torch.lerp(x, blurred, uniform(0, 0.95))
    x = (x - 128) * uniform(0.3, 1.0) + 128 + uniform(-60, 40)
    x = x + torch.randn_like(x) * uniform(0, 45)
    return x.clamp(0, 255).permute(0, 2, 3, 1)


class Further:
    """One run. `options`: see `main`."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._begin = time.monotonic()
        cuda = torch.cuda.is_available()
        self._device, self._dtype = ("cuda", torch.bfloat16) if cuda else ("cpu", torch.float32)
        self._tokenizer = Tokenizer(options.hf)
        self._model = NanoVL(self._tokenizer.size, CLASS_COUNT)
        old = {
            name: tensor.float() for name, tensor in weights.read(options.hf / "model.safetensors").items()
        }
        missing, unexpected = self._model.load_state_dict(old, strict=False)
        if unexpected or not all(name.startswith("aux") for name in missing):
            raise SystemExit(f"{options.hf} is not nano: {missing} {unexpected}")
        for name, parameter in self._model.named_parameters():
            parameter.requires_grad_(name.startswith(weights.TOWER))
        self._model.to(self._device)
        self._tower = self._model.model["visual"]
        self._optimizer = Optimizer(self._tower, options.muon_rate, options.adam_rate)
        self._model.to(self._dtype)

    def run(self) -> None:
        """Train to the deadline, measure before and after, and write the model."""
        self._say(clean_before=self._right(bad=False), bad_before=self._right(bad=True))
        first, step = time.monotonic(), 0
        for batch in self._batches():
            done = (time.monotonic() - first) / self._options.seconds
            if done >= 1:
                break
            loss = self._loss(batch, bad=step % 4 != 3)
            loss.backward()
            for parameter in self._tower.parameters():
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
            warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
            self._optimizer.step(warm * (0.02 + 0.98 * math.cos(math.pi / 2 * done)))
            if step % 50 == 0:
                self._say(step=step, loss=round(loss.item(), 4))
            step += 1
        self._say(steps=step, clean_after=self._right(bad=False), bad_after=self._right(bad=True))
        self._options.out.mkdir(parents=True, exist_ok=True)
        state = self._model.state_dict()
        tower = {name: tensor for name, tensor in state.items() if name.startswith(weights.TOWER)}
        weights.write_tower(
            self._options.hf / "model.safetensors", self._options.out / "model.safetensors", tower
        )

    def _batches(self) -> Iterator[Batch]:
        options = self._options
        easy = multiprocessing.Value("d", 0.0)
        stream = Stream(options.hf, options.assets, options.patches, options.seed, easy)
        workers = options.workers
        loader = torch.utils.data.DataLoader(
            stream, batch_size=None, num_workers=workers, prefetch_factor=3 if workers else None
        )
        for batch in loader:
            if batch.pixels is not None:
                yield batch.to(self._device)

    def _loss(self, batch: Batch, *, bad: bool) -> Tensor:
        seen = replace(batch, pixels=worse(batch.pixels)) if bad and batch.pixels is not None else batch
        plain = replace(seen, auxiliary_at=None, auxiliary_class=None)
        return losses(self._model, plain, self._dtype, augmented=False).language

    @torch.no_grad()
    def _right(self, *, bad: bool) -> float:
        """Share of wholly right answers, true answer fed in; the same questions each time."""
        torch.manual_seed(7)
        dice = Dice(Random(_HELD_OUT_SEED), Assets(self._options.assets))
        right = 0
        for _ in range(self._options.checks):
            bucket = dice.rng.choice(BUCKETS)
            drawn = [draw_conversation(dice, 1, bucket, turn_count=1) for _ in range(_QUESTIONS)]
            batch = make_batch(self._tokenizer, drawn, bucket, dice.rng, auxiliary=False).to(self._device)
            if bad and batch.pixels is not None:
                batch = replace(batch, pixels=worse(batch.pixels))
            result = losses(self._model, batch, self._dtype, augmented=False)
            missed = (result.places // batch.ids.shape[1])[result.logits.argmax(-1) != result.targets]
            right += int((torch.bincount(missed, minlength=_QUESTIONS) == 0).sum())
        share: float = right / (_QUESTIONS * self._options.checks)
        return round(share, 3)

    def _say(self, **what: object) -> None:
        print(json.dumps({"at_s": round(time.monotonic() - self._begin, 1), **what}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=Path, help="folder that nano.prepare wrote")
    parser.add_argument("--hf", type=Path, required=True, help="the model, as nano.export writes it")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=170)
    parser.add_argument("--workers", type=int, default=15)
    parser.add_argument("--patches", type=int, default=65536, help="of a batch")
    parser.add_argument("--muon-rate", type=float, default=6e-4)
    parser.add_argument("--adam-rate", type=float, default=1.5e-4)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--checks", type=int, default=10, help="batches of questions asked before and after")
    Further(parser.parse_args()).run()
    sys.stdout.flush()
    os._exit(0)  # the loader's workers draw for ever


if __name__ == "__main__":
    main()
