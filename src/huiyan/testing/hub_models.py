"""What the fake hub holds: models with commits and branches, and small safetensors files."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping


class FakeModel:
    """commits: files by commit id. branches: commit id by name."""

    def __init__(self, model_id: str, files: Mapping[str, bytes]) -> None:
        self.id = model_id
        self.commits: dict[str, dict[str, bytes]] = {}
        self.branches: dict[str, str] = {}
        self.by_digest: dict[str, bytes] = {}
        self.push(files)

    def push(self, files: Mapping[str, bytes], *branches: str) -> str:
        """A new commit with exactly these files; the branches (both usual ones) move to it."""
        held = dict(files)
        text = json.dumps({path: hashlib.sha256(data).hexdigest() for path, data in sorted(held.items())})
        commit = hashlib.sha1(
            f"{self.id}{len(self.commits)}{text}".encode(), usedforsecurity=False
        ).hexdigest()
        self.commits[commit] = held
        for data in held.values():
            self.by_digest[hashlib.sha256(data).hexdigest()] = data
        for branch in branches or ("main", "master"):
            self.branches[branch] = commit
        return commit

    def resolve(self, revision: str) -> str | None:
        """A commit id, by branch or by itself."""
        commit = self.branches.get(revision, revision)
        return commit if commit in self.commits else None

    def at(self, revision: str) -> dict[str, bytes]:
        """Raises: KeyError."""
        return self.commits[self.branches.get(revision, revision)]

    def delete(self, revision: str) -> None:
        """The commit is gone for good, with every branch that points to it."""
        commit = self.branches.get(revision, revision)
        del self.commits[commit]
        self.branches = {name: other for name, other in self.branches.items() if other != commit}


def git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()


def some_bytes(size_bytes: int, seed: str) -> bytes:
    """The same for the same seed."""
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311 - content, not a secret


def safetensors(tensors: Mapping[str, bytes]) -> bytes:
    """A file of one-dimensional U8 tensors."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    position = 0
    for name, data in tensors.items():
        header[name] = {
            "dtype": "U8",
            "shape": [len(data)],
            "data_offsets": [position, position + len(data)],
        }
        position += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(tensors.values())


def small_model(seed: str = "1", *, weights_bytes: int = 300_000) -> dict[str, bytes]:
    """Files of a model as a repository has them; other seeds give other weights and the same companions."""
    visual, text = weights_bytes // 15, weights_bytes - weights_bytes // 15
    weights = safetensors(
        {
            "model.language_model.layers.0.weight": some_bytes(text // 2, f"text 0 {seed}"),
            "model.language_model.layers.1.weight": some_bytes(text - text // 2, f"text 1 {seed}"),
            "model.visual.blocks.0.weight": some_bytes(visual, f"visual {seed}"),
        }
    )
    return {
        ".gitattributes": b"*.safetensors filter=lfs\n",
        "README.md": b"# A model of a test\n",
        "chat_template.json": b'{"chat_template": "{{ messages }}"}',
        "config.json": b'{"model_type": "qwen3_vl"}',
        "generation_config.json": b'{"temperature": 0.7}',
        "merges.txt": some_bytes(3000, "merges").hex().encode(),
        "model.safetensors": weights,
        "preprocessor_config.json": b'{"patch_size": 16}',
        "tokenizer.json": b'{"model": {"type": "BPE"}}',
        "tokenizer_config.json": b'{"eos_token": "<|im_end|>"}',
        "vocab.json": b'{"a": 0}',
    }
