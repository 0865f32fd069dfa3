"""Endless micro-batches, drawn in worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from random import Random

import torch
from torch.utils.data import IterableDataset, get_worker_info

from nano.assets import Assets
from nano.batch import Batch, make_batch
from nano.conversation import BUCKETS, PAIR_BUCKETS, UNLUCKY, Bucket, Conversation, draw_conversation
from nano.dice import Dice
from nano.tokenizer import Tokenizer

_PATCHES_PER_TOKEN = 4
_FEWEST, _MOST = 8, 200
_WITHOUT_PICTURES = 192


class Stream(IterableDataset[Batch]):
    """Batches of about `patches` patches. easy: a share, 0..1, that the trainer changes as it goes on."""

    def __init__(
        self, tokenizer: Path, assets: Path, patches: int, seed: int, easy: Synchronized[float]
    ) -> None:
        self._tokenizer, self._assets = tokenizer, assets
        self._patches, self._seed, self._easy = patches, seed, easy

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        torch.set_num_threads(1)
        rng = Random(self._seed * 1000 + (worker.id if worker else 0))
        dice = Dice(rng, Assets(self._assets))
        tokenizer = Tokenizer(self._tokenizer)
        while True:
            kind = rng.random()
            image_count = 0 if kind < 0.035 else 2 if kind < 0.15 else 1
            bucket = rng.choice(PAIR_BUCKETS if image_count == 2 else BUCKETS) if image_count else None
            wanted = self._conversations_per_batch(image_count, bucket)
            conversations: list[Conversation] = []
            easy = self._easy.value
            while len(conversations) < wanted:
                try:
                    conversations.append(draw_conversation(dice, image_count, bucket, easy))
                except UNLUCKY:
                    continue
            yield make_batch(tokenizer, conversations, bucket, rng)

    def _conversations_per_batch(self, image_count: int, bucket: Bucket | None) -> int:
        if bucket is None:
            return _WITHOUT_PICTURES
        per_conversation = bucket[0] * bucket[1] * _PATCHES_PER_TOKEN * image_count
        return min(max(_FEWEST, self._patches // per_conversation), _MOST)
