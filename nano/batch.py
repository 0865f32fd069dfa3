"""Conversations to tensors: token ids, labels, three-axis positions."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from random import Random

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nano.conversation import TOKEN_PX, Bucket, Conversation, character_targets
from nano.tokenizer import Tokenizer
from nano.vocabulary import SYSTEM_PROMPTS

#: Label of what is not learnt, as torch's cross entropy has it.
IGNORED = -100
_SYSTEM_SHARE = 0.2
_PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
_PAD_TO = 32


@dataclass
class Batch:
    """Conversations with equally many pictures of one size.

    ids, labels: int32[rows, tokens]. positions: int32[3, rows, tokens]. wanted: int64, flat places
    in [rows, tokens - 1] whose next token is learnt. pixels: uint8[pictures, height, width, 3].
    image_at: int64, flat places of picture tokens in [rows, tokens]. auxiliary_at,
    auxiliary_class: int64, flat patches of all pictures and what is written there.
    """

    bucket: Bucket | None
    ids: Tensor
    labels: Tensor
    positions: Tensor
    wanted: Tensor
    pixels: Tensor | None = None
    image_at: Tensor | None = None
    auxiliary_at: Tensor | None = None
    auxiliary_class: Tensor | None = None

    def to(self, device: torch.device | str) -> Batch:
        """A copy there; the host does not wait for it."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "bucket"}
        moved = {
            name: None if tensor is None else tensor.to(device, non_blocking=True)
            for name, tensor in tensors.items()
        }
        return replace(self, **moved)

    def pin_memory(self) -> Batch:
        """Called by torch's data loader."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "bucket"}
        pinned = {name: None if tensor is None else tensor.pin_memory() for name, tensor in tensors.items()}
        return replace(self, **pinned)


def encode(
    tokenizer: Tokenizer, conversation: Conversation, rng: Random, system_share: float = _SYSTEM_SHARE
) -> tuple[list[int], list[int]]:
    """(ids, labels); each picture token is repeated for the visual tokens of its picture."""
    images = conversation.images
    sizes = [(image.height // TOKEN_PX) * (image.width // TOKEN_PX) for image in images]
    ids: list[int] = []
    labels: list[int] = []
    seen = 0
    if rng.random() < system_share:
        ids += tokenizer.encode(f"<|im_start|>system\n{rng.choice(SYSTEM_PROMPTS)}<|im_end|>\n")
    newline = rng.choice(["", "", "\n"])
    for i, turn in enumerate(conversation.turns):
        pictures = _pictures_in_text(len(images), newline) if i == 0 else ""
        if rng.random() < 0.8 or not pictures:
            body = pictures + (newline if pictures else "") + turn.question
        else:
            body = turn.question + newline + pictures
        prompt = f"<|im_start|>user\n{body}<|im_end|>\n<|im_start|>assistant\n"
        for token in tokenizer.encode(prompt):
            if token == tokenizer.image:
                ids += [token] * sizes[seen]
                seen += 1
            else:
                ids.append(token)
        labels += [IGNORED] * (len(ids) - len(labels))
        answer = [*tokenizer.encode(turn.answer), tokenizer.end]
        ids += answer
        labels += answer
        ids += tokenizer.encode("\n")
        labels.append(IGNORED)
    labels += [IGNORED] * (len(ids) - len(labels))
    return ids, labels[: len(ids)]


def _pictures_in_text(count: int, newline: str) -> str:
    return newline.join([_PICTURE] * count) if count == 2 else _PICTURE * count


def positions(ids: list[int], image_token: int, grid: tuple[int, int] | None) -> npt.NDArray[np.int32]:
    """Qwen3-VL positions, int32[3, tokens]: a picture of h x w tokens advances the counter by max(h, w).

    grid: (h, w) of every picture; None if there is none.
    """
    out = np.zeros((3, len(ids)), np.int32)
    i = counter = 0
    while i < len(ids):
        if grid is not None and ids[i] == image_token:
            rows, columns = grid
            count = rows * columns
            steps = np.arange(count)
            out[0, i : i + count] = counter
            out[1, i : i + count] = counter + steps // columns
            out[2, i : i + count] = counter + steps % columns
            counter += max(rows, columns)
            i += count
        else:
            out[:, i] = counter
            counter += 1
            i += 1
    return out


def make_batch(
    tokenizer: Tokenizer,
    conversations: list[Conversation],
    bucket: Bucket | None,
    rng: Random,
    *,
    auxiliary: bool = True,
) -> Batch:
    """All conversations have pictures of the size `bucket`, or none has any."""
    encoded = [encode(tokenizer, conversation, rng) for conversation in conversations]
    longest = -(-max(len(ids) for ids, _ in encoded) // _PAD_TO) * _PAD_TO
    rows = len(encoded)
    ids = np.full((rows, longest), tokenizer.pad, np.int32)
    labels = np.full((rows, longest), IGNORED, np.int32)
    places = np.zeros((3, rows, longest), np.int32)
    grid = (bucket[1], bucket[0]) if bucket else None
    for i, (row_ids, row_labels) in enumerate(encoded):
        ids[i, : len(row_ids)] = row_ids
        labels[i, : len(row_labels)] = row_labels
        places[:, i, : len(row_ids)] = positions(row_ids, tokenizer.image, grid)
    batch = Batch(
        bucket=bucket,
        ids=torch.from_numpy(ids),
        labels=torch.from_numpy(labels),
        positions=torch.from_numpy(places),
        wanted=torch.from_numpy(np.flatnonzero(labels[:, 1:].reshape(-1) != IGNORED)),
    )
    if bucket is None:
        return batch
    pixels = [np.asarray(image) for conversation in conversations for image in conversation.images]
    batch.pixels = torch.from_numpy(np.stack(pixels))
    batch.image_at = torch.from_numpy(np.flatnonzero(ids.reshape(-1) == tokenizer.image))
    if auxiliary:
        at, classes = _auxiliary_targets(conversations, bucket, rng)
        batch.auxiliary_at, batch.auxiliary_class = torch.tensor(at), torch.tensor(classes)
    return batch


def _auxiliary_targets(
    conversations: list[Conversation], bucket: Bucket, rng: Random
) -> tuple[list[int], list[int]]:
    columns, rows = bucket[0] * 2, bucket[1] * 2
    at: list[int] = []
    classes: list[int] = []
    pictures = (characters for conversation in conversations for characters in conversation.characters)
    for number, characters in enumerate(pictures):
        for patch, character_class in character_targets(characters, columns, rows, rng):
            at.append(number * columns * rows + patch)
            classes.append(character_class)
    return at, classes
