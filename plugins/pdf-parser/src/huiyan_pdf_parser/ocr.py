"""Reading scanned pages with RapidOCR, where it is installed (the extra `ocr`)."""

from __future__ import annotations

import importlib.util
import os
from typing import Any, Final

import numpy as np
from PIL import Image

from huiyan_pdf_parser.geometry import Box
from huiyan_pdf_parser.layout.words import Word

SIDE_PIXELS: Final = 2_000
DOTS_PER_INCH: Final = 200
_LEAST_CONFIDENCE: Final = 0.5
#: Of the height of the box around a line, the size of its letters.
_SIZE: Final = 0.78
_THREADS: Final = 4


def is_installed() -> bool:
    return importlib.util.find_spec("rapidocr") is not None


class Reader:
    """Its models are loaded by the first page that needs them."""

    def __init__(self) -> None:
        self._engine: Any = None  # rapidocr has no types worth the name

    def words(self, picture: Image.Image, width: float, height: float) -> list[Word]:
        """Each line of text as one word; boxes for a page of this width and height in points."""
        result = self._loaded()(np.asarray(picture.convert("RGB"))[:, :, ::-1])
        if result.boxes is None or result.txts is None:
            return []
        across, down = width / picture.width, height / picture.height
        words: list[Word] = []
        for quad, text, score in zip(result.boxes, result.txts, result.scores, strict=True):
            if score < _LEAST_CONFIDENCE or not text.strip():
                continue
            xs, ys = [float(x) for x, _ in quad], [float(y) for _, y in quad]
            box = Box(min(xs) * across, min(ys) * down, max(xs) * across, max(ys) * down)
            words.append(Word(text.strip(), box, _SIZE * box.height))
        return words

    def _loaded(self) -> Any:
        if self._engine is None:
            from rapidocr import RapidOCR

            self._engine = RapidOCR(
                params={
                    "Global.log_level": "error",
                    "Global.max_side_len": SIDE_PIXELS,
                    # Left to itself, the runtime takes a thread for each core, whatever the limits say.
                    "EngineConfig.onnxruntime.intra_op_num_threads": _threads(),
                    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                }
            )
        return self._engine


def _threads() -> int:
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        cores = os.cpu_count() or 1
    return max(1, min(_THREADS, cores))
