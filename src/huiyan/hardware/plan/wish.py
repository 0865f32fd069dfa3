"""What somebody wants to do with the machine, and what one such request costs."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from huiyan.errors import SettingsError
from huiyan.hardware.images import (
    DEFAULT_MAX_PIXELS,
    DEFAULT_MIN_PIXELS,
    MARKERS_PER_IMAGE,
    TEXT_TOKENS,
    image_tokens,
)
from huiyan.hardware.profiles import Profile
from huiyan.messages import refusal

#: The page's bound for one question.
MOST_IMAGES: Final = 9

_LONGEST_EDGE_PX: Final = 65_535


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """users: at the same time. images: in one request, each image_size (width, height) in pixels.

    context: tokens of one request, prompt and answer; None: as much as the page uses, or as fits.
    model: a preset's name ("8B"); None: what suits the card. quantization: None for any.
    image_max_pixels: to which the model's own preparation shrinks larger pictures.
    """

    users: int = 1
    images: int = 3
    image_size: tuple[int, int] = (1920, 1080)
    context: int | None = None
    model: str | None = None
    quantization: str | None = None
    image_max_pixels: int = DEFAULT_MAX_PIXELS

    @property
    def tokens_per_image(self) -> int:
        return image_tokens(*self.image_size, min_pixels=DEFAULT_MIN_PIXELS, max_pixels=self.image_max_pixels)

    @property
    def request_tokens(self) -> int:
        """Pictures, question and answer of one such request."""
        return self.images * (self.tokens_per_image + MARKERS_PER_IMAGE) + TEXT_TOKENS


def wish_of(
    profile: Profile,
    *,
    users: int | None = None,
    images: int | None = None,
    image_size: str | None = None,
    context: int | None = None,
    model: str | None = None,
) -> Wish:
    """What was asked for, else the profile's, else the defaults. Raises: SettingsError for a size."""
    otherwise = Wish()
    size = image_size if image_size is not None else profile.image_size
    return Wish(
        users=_first(users, profile.users, otherwise.users),
        images=_first(images, profile.images, otherwise.images),
        image_size=otherwise.image_size if size is None else parse_size(size),
        context=context if context is not None else profile.context,
        model=model if model is not None else profile.model,
        # Weights that a profile names are those of its own model.
        quantization=profile.quantization if model in (None, profile.model) else None,
    )


def _first(asked: int | None, named: int | None, otherwise: int) -> int:
    if asked is not None:
        return asked
    return otherwise if named is None else named


def parse_size(text: str) -> tuple[int, int]:
    """`1920x1080` in pixels. Raises: SettingsError."""
    found = re.fullmatch(r"\s*([0-9]{1,5})\s*[xX×*]\s*([0-9]{1,5})\s*", text)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(0 < edge <= _LONGEST_EDGE_PX for edge in size):
        raise refusal(SettingsError, "plan.bad_size", text=text)
    return size
