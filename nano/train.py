"""Train on one GPU until a wall-clock deadline.

python -m nano.train ASSETS --tokenizer TOKENIZER --out RUN --seconds 900 --workers 15 --compile
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch

from nano.assets import Assets
from nano.batch import Batch
from nano.charset import CLASS_COUNT
from nano.checkpoint import save
from nano.dice import Dice
from nano.losses import Losses, evaluate, losses
from nano.model import NanoVL
from nano.model.layers import compile_layers, eager_layers
from nano.optimizer import Optimizer
from nano.stream import Stream
from nano.tokenizer import Tokenizer

_WARM_UP_STEPS = 150
#: Share of the time at the full rate; then a cosine to zero.
_CONSTANT = 0.3
#: Share of plain text at the start; none is added after `_EASY_SHARE / _EASY_FALL` of the time.
_EASY_SHARE, _EASY_FALL = 0.6, 4
#: Apart from every training stream's seed.
_HELD_OUT_SEED = 987654321


class Trainer:
    """One run. `options`: see `main`."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._begin = time.monotonic()
        options.out.mkdir(parents=True, exist_ok=True)
        self._log = (options.out / "log.txt").open("a", encoding="utf-8")
        self._tokenizer = Tokenizer(options.tokenizer)
        self._easy = multiprocessing.Value("d", _EASY_SHARE)
        self._cuda = torch.cuda.is_available()
        self._device, self._dtype = ("cuda", torch.bfloat16) if self._cuda else ("cpu", torch.float32)
        self._batches = self._stream()
        torch.manual_seed(options.seed)
        torch.set_float32_matmul_precision("high")
        self._model = NanoVL(self._tokenizer.size, CLASS_COUNT).to(self._device)
        count = sum(p.numel() for name, p in self._model.named_parameters() if not name.startswith("aux"))
        print("parameters", count, flush=True)
        self._optimizer = Optimizer(self._model, options.muon_rate, options.adam_rate)
        self._model.to(self._dtype)
        self._compiled = options.compile
        if self._compiled:
            compile_layers()
        self._next = next(self._batches)
        self._say(f"first batch after {self._elapsed_s():.1f}s")

    def run(self) -> None:
        """Train to the deadline, save, and measure."""
        options = self._options
        report = _Report(self._elapsed_s(), torch.zeros(2, device=self._device))
        step = 0
        next_save = 0.5
        while (done := self._elapsed_s() / options.seconds) < 1 and step < options.max_steps:
            self._easy.value = max(0.0, _EASY_SHARE - done * _EASY_FALL)
            rate = _rate(step, done)
            for _ in range(options.micro):
                result, rows = self._backward(0.5 if done < 0.5 else 0.25)
                report.add(result, rows)
                waiting = time.monotonic()
                self._next = next(self._batches)
                report.waited_s += time.monotonic() - waiting
            for parameter in self._model.parameters():
                if parameter.grad is None:  # no picture in any of these batches
                    parameter.grad = torch.zeros_like(parameter)
            norm = self._optimizer.step(rate)
            step += 1
            if step % 50 == 0 or step in (1, 2, 5, 10, 20):
                self._say(report.line(step, self._elapsed_s(), norm.item(), rate))
            if done > next_save:
                next_save += 0.25
                save(self._model, options.out / "mid")
                self._say("mid eval", self._evaluate(batches=6, limit_s=8))
        save(self._model, options.out / "final")
        self._say(f"done: {step} steps, {report.all_rows} samples, {self._elapsed_s():.0f}s")
        self._say("eval (exact answers, true answer fed in)", self._evaluate(batches=40, limit_s=30))

    def _stream(self) -> Iterator[Batch]:
        options = self._options
        stream = Stream(options.tokenizer, options.assets, options.patches, options.seed, self._easy)
        loader = torch.utils.data.DataLoader(
            stream,
            batch_size=None,
            num_workers=options.workers,
            pin_memory=self._cuda,
            prefetch_factor=3 if options.workers else None,
        )
        for batch in loader:
            yield batch.to(self._device)

    def _backward(self, auxiliary_weight: float) -> tuple[Losses, int]:
        """Add the gradients of one micro-batch; return its losses and its rows."""
        try:
            result = self._losses_and_gradients(auxiliary_weight)
        except Exception as error:
            # A failure of the compiler must not cost a run that is paid by the minute.
            if not self._compiled:
                raise
            self._say("compiled step failed, going on eagerly:", repr(error)[:300])
            self._compiled = False
            eager_layers()
            for parameter in self._model.parameters():
                parameter.grad = None
            result = self._losses_and_gradients(auxiliary_weight)
        return result, self._next.ids.shape[0]

    def _losses_and_gradients(self, auxiliary_weight: float) -> Losses:
        result = losses(self._model, self._next, self._dtype, augmented=True)
        total = result.language + auxiliary_weight * result.auxiliary
        (total / self._options.micro).backward()
        return result

    def _evaluate(self, *, batches: int, limit_s: float) -> dict[str, tuple[int, int]]:
        dice = Dice(Random(_HELD_OUT_SEED), Assets(self._options.assets))
        exact: dict[str, tuple[int, int]] = evaluate(
            self._model,
            self._tokenizer,
            dice,
            self._device,
            self._dtype,
            batches=batches,
            limit_s=limit_s,
        )
        return exact

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._begin

    def _say(self, *words: object) -> None:
        line = " ".join(str(word) for word in words)
        print(line, flush=True)
        self._log.write(line + "\n")
        self._log.flush()


class _Report:
    """What happened since the last line of the log."""

    def __init__(self, now_s: float, losses_sum: torch.Tensor) -> None:
        self._last_s, self._sum = now_s, losses_sum
        self._batches = self._rows = 0
        self.all_rows = 0
        self.waited_s = 0.0

    def add(self, result: Losses, rows: int) -> None:
        # Stays on the device: reading it here would wait for the GPU.
        self._sum += torch.stack([result.language.detach(), result.auxiliary.detach()])
        self._batches += 1
        self._rows += rows
        self.all_rows += rows

    def line(self, step: int, now_s: float, norm: float, rate: float) -> str:
        language, auxiliary = (self._sum / self._batches).tolist()
        passed_s = now_s - self._last_s
        text = (
            f"step {step} t {now_s:.0f}s lm {language:.3f} aux {auxiliary:.3f} norm {norm:.2f} "
            f"{self._rows / passed_s:.0f} samples/s wait {self.waited_s / passed_s:.0%} lr {rate:.3f}"
        )
        self._last_s, self._batches, self._rows, self.waited_s = now_s, 0, 0, 0.0
        self._sum.zero_()
        return text


def _rate(step: int, done: float) -> float:
    """Of the full learning rate, 0..1. done: share of the time, 0..1."""
    warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
    if done < _CONSTANT:
        return warm
    return warm * (0.5 + 0.5 * math.cos(math.pi * (done - _CONSTANT) / (1 - _CONSTANT)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=Path, help="folder that nano.prepare wrote")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder that nano.tokenizer wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--workers", type=int, default=15)
    parser.add_argument("--patches", type=int, default=65536, help="of a micro-batch")
    parser.add_argument("--micro", type=int, default=2, help="micro-batches of a step")
    parser.add_argument("--muon-rate", type=float, default=4e-3)
    parser.add_argument("--adam-rate", type=float, default=2e-3)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--max-steps", type=int, default=sys.maxsize)
    parser.add_argument("--seed", type=int, default=1)
    Trainer(parser.parse_args()).run()


if __name__ == "__main__":
    main()
