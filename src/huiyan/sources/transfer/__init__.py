"""Moves bytes from a source into the store: parallel, resumable, limited, counted."""

from __future__ import annotations

from huiyan.sources.transfer.engine import Transfer
from huiyan.sources.transfer.item import Item, Outcome
from huiyan.sources.transfer.options import TransferOptions

__all__ = ["Item", "Outcome", "Transfer", "TransferOptions"]
