"""RapidOCR with the models that its wheel brings: loaded once, used by one call at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Below this a text is noise.
_LEAST_CONFIDENCE = 0.4
#: What is larger is made smaller before it is looked at.
MAX_SIDE_PIXELS = 2400
_LEAST_SIDE_PIXELS = 32
#: The longer side of a picture over the shorter one, at most.
_LONGEST_STRIP = 4
#: A line this many times as high as wide runs up or down the picture.
_UPWARD = 2.0
#: Shorter ones say nothing about which way is up.
_TELLING_LETTERS = 3

#: Told how many lines have been read, and how many there are.
OnLines = Callable[[int, int], None]


class Stopped(Exception):  # noqa: N818 - not an error: the caller asked for it
    """The call was cancelled."""


class Stop:
    """Asked between steps, as a model that runs cannot be interrupted."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def check(self) -> None:
        """Raises: Stopped."""
        if self._event.is_set():
            raise Stopped


@dataclass(frozen=True)
class Line:
    """quad: float[4, 2], x and y of the corners from the upper left, clockwise. tokens: text and quad of each
    word, or of each character of a script without spaces.
    """

    quad: NDArray[np.float64]
    text: str
    confidence: float
    tokens: list[tuple[str, NDArray[np.float64]]]


@dataclass(frozen=True)
class Lines:
    """quarter_turns: how often the picture has to be turned left by 90 degrees to stand upright."""

    lines: list[Line] = field(default_factory=list)
    quarter_turns: int = 0


class Reader:
    """`warm` may be called first, in a thread of its own; without it the first reading takes longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Any = None  # rapidocr has no types worth the name
        self._steps = _Steps()
        self.is_warm = False

    def warm(self) -> None:
        """Load the models and run them once, so that their memory is laid out."""
        with self._lock:
            self._loaded()

    def _loaded(self) -> Any:
        if self._engine is None:
            from rapidocr import RapidOCR

            engine = RapidOCR(
                params={
                    "Global.log_level": "error",
                    "Global.max_side_len": MAX_SIDE_PIXELS,
                    "Global.text_score": _LEAST_CONFIDENCE,
                    # Left to itself, the runtime takes a thread for each core, whatever the limits say.
                    "EngineConfig.onnxruntime.intra_op_num_threads": _threads(),
                    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                }
            )
            # Each model is loaded by the first picture that it gets. Nothing needs to be found in these; the
            # detector enlarges its own, and is fastest with a square one.
            sample = np.full((48, 160, 3), 255, np.uint8)
            sample[14:34:3, 20:140:2] = 0
            engine(sample[:48, :48], use_det=True, use_cls=False, use_rec=False)
            engine(sample, use_det=False, use_cls=True, use_rec=True)
            engine.text_rec = _Recogniser(engine.text_rec, self._steps)
            engine.text_cls = _Classifier(engine.text_cls, self._steps)
            self._engine = engine
            self.is_warm = True
        return self._engine

    def lines(
        self, pixels: NDArray[np.uint8], stop: Stop, on_lines: OnLines = lambda done, total: None
    ) -> Lines:
        """The text on pixels, uint8[height, width, 3] in RGB. Raises: Stopped, MemoryError."""
        with self._lock:
            stop.check()
            engine = self._loaded()
            self._steps.begin(stop, on_lines)
            try:
                out = engine(
                    _padded(np.ascontiguousarray(pixels[:, :, ::-1])),
                    use_det=True,
                    use_cls=True,
                    use_rec=True,
                    return_word_box=True,
                )
                upside_down = self._steps.upside_down
            finally:
                self._steps.begin(Stop(), lambda done, total: None)
        stop.check()
        if getattr(out, "boxes", None) is None or out.txts is None:
            return Lines()
        words = list(out.word_results or [])
        found = []
        for index, (quad, text, score) in enumerate(zip(out.boxes, out.txts, out.scores, strict=True)):
            parts = words[index] if index < len(words) else ()
            tokens = [(str(word), np.asarray(box, np.float64)) for word, _, box in parts]
            found.append(Line(np.asarray(quad, np.float64), str(text), float(score), tokens))
        return Lines(found, _quarter_turns(found, upside_down=upside_down))

    def recognize(self, pixels: NDArray[np.uint8], stop: Stop) -> tuple[str, float]:
        """The text of a picture that holds one line and nothing else; empty where there is none."""
        with self._lock:
            stop.check()
            out = self._loaded()(
                np.ascontiguousarray(pixels[:, :, ::-1]),
                use_det=False,
                use_cls=False,
                use_rec=True,
                return_word_box=False,
            )
        if not getattr(out, "txts", None) or out.scores[0] < _LEAST_CONFIDENCE:
            return "", 0.0
        return str(out.txts[0]), float(out.scores[0])


def _padded(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """With more of its edge to the right or below, where it is a strip: a detector that enlarges the shorter
    side to what it needs would make a picture of gigabytes from one.
    """
    height, width = pixels.shape[:2]
    least = max(_LEAST_SIDE_PIXELS, max(height, width) // _LONGEST_STRIP)
    missing = (0, max(0, least - height)), (0, max(0, least - width)), (0, 0)
    return np.pad(pixels, missing, "edge") if least > min(height, width) else pixels


def _threads() -> int:
    """As many as whoever started this allows, and no more than are worth it."""
    named = os.environ.get("OMP_NUM_THREADS", "")  # noqa: TID251 - there are no settings here
    return int(named) if named.isdigit() and int(named) > 0 else min(4, os.cpu_count() or 1)


def _quarter_turns(lines: list[Line], *, upside_down: bool) -> int:
    """From the shape of long lines, and what the classifier said of them as it saw them: lying."""
    upward = level = 0
    for line in lines:
        width = float(np.linalg.norm(line.quad[1] - line.quad[0]))
        height = float(np.linalg.norm(line.quad[3] - line.quad[0]))
        if len(line.text) >= _TELLING_LETTERS:
            upward += height > _UPWARD * width
            level += width > _UPWARD * height
    if upward > level:
        return 3 if upside_down else 1
    return 2 if upside_down and level > 0 else 0


class _Steps:
    """What is known between two batches of lines: a call can be told of there, and stopped."""

    def __init__(self) -> None:
        self.begin(Stop(), lambda done, total: None)

    def begin(self, stop: Stop, on_lines: OnLines) -> None:
        self.stop = stop
        self.on_lines = on_lines
        self.done = self.total = 0
        self.upside_down = False


class _Recogniser:
    """RapidOCR's own, watched."""

    def __init__(self, recogniser: Any, steps: _Steps) -> None:
        self._recogniser = recogniser
        self._steps = steps
        self._session = recogniser.session
        recogniser.session = self._batch

    def __call__(self, asked: Any) -> Any:
        self._steps.total = len(asked.img) if isinstance(asked.img, list) else 1
        return self._recogniser(asked)

    def _batch(self, batch: Any) -> Any:
        self._steps.stop.check()
        self._steps.on_lines(self._steps.done, self._steps.total)
        self._steps.done += len(batch)
        return self._session(batch)


class _Classifier:
    """RapidOCR's own; what it said of most lines that are long enough is kept."""

    def __init__(self, classifier: Any, steps: _Steps) -> None:
        self._classifier = classifier
        self._steps = steps

    def __call__(self, pictures: Any) -> Any:
        self._steps.stop.check()
        out = self._classifier(pictures)
        told = [
            "180" in label
            for picture, (label, score) in zip(pictures, out.cls_res or [], strict=False)
            if score > 0.7 and picture.shape[1] > _UPWARD * picture.shape[0]
        ]
        self._steps.upside_down = sum(told) * 2 > len(told)
        if not self._steps.upside_down:
            out.img_list = list(pictures)  # a short text of its own may look as well the other way: 8:00
        return out
