"""From pixels to words, lines and tables."""

from huiyan_table_ocr.reading.layout import OnStep, Read, read_tables
from huiyan_table_ocr.reading.ocr import Line, Reader, Stop, Stopped

__all__ = ["Line", "OnStep", "Read", "Reader", "Stop", "Stopped", "read_tables"]
