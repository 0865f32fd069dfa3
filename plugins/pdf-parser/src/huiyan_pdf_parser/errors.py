"""What goes wrong with a document, in words for the person who gave it, in both languages."""

from __future__ import annotations


class DocumentError(Exception):
    """The message says what is wrong and what would do."""
