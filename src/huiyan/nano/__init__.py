"""nano: the demo model inside the package, 28M parameters of the Qwen3-VL architecture.

It reads printed Chinese and English, shapes, tables, bar charts, price tags and product cards. It
does not understand photographs and knows nothing: whoever shows its answers says so (`ModelCard.demo`).
How it was made and measured: `nano/` at the root of the repository.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from huiyan.engines.status import ModelCard, SamplingDefaults

DIRECTORY: Final = Path(__file__).parent
MODEL_PATH: Final = DIRECTORY / "nano.gguf"
MMPROJ_PATH: Final = DIRECTORY / "nano-mmproj.gguf"
MANIFEST_PATH: Final = DIRECTORY / "manifest.json"

MODEL_ID: Final = "nano"
#: In the model store, where it comes once a component of it has been updated.
STORE_ID: Final = "huiyan/nano"
CONTEXT_TOKENS: Final = 4096
#: Visual tokens of one picture in training; others ruin its answers.
IMAGE_MIN_TOKENS: Final = 64
IMAGE_MAX_TOKENS: Final = 256
#: A third picture in one request is dropped by the model, so it is not offered.
MAX_IMAGES: Final = 2


def card(*, wanted: str | None = None, planned: bool = False) -> ModelCard:
    """wanted: what is not here, so that nano answers in its place; planned: it is the planner's choice."""
    return ModelCard(
        id=MODEL_ID,
        name="nano",
        demo=True,
        wanted=wanted,
        planned=planned and wanted is not None,
        context_tokens=CONTEXT_TOKENS,
        max_images=MAX_IMAGES,
        image_min_tokens=IMAGE_MIN_TOKENS,
        image_max_tokens=IMAGE_MAX_TOKENS,
        # Greedy: its answers are what it reads; variety would only be misreading.
        sampling=SamplingDefaults(temperature=0.0, top_p=1.0, top_k=1, presence_penalty=0.0),
    )
