"""From any colour model to plain 8-bit sRGB, as a viewer would show it."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

#: Larger profiles are ignored: real ones have 0.5 to 600 KB, and a CMYK one rarely 2 MB.
_MAX_PROFILE_BYTES = 4 * 1024 * 1024

#: sRGB's red, green and blue as profiles have them (CIE XYZ, adapted to D50; IEC 61966-2-1).
_SRGB_COLORANTS = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
_TOLERANCE = 0.01

_PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


def to_rgb(image: Image.Image) -> Image.Image:
    """uint8[height, width, 3]: transparency over white as on a page, 16-bit grey scaled, colours in sRGB."""
    if image.mode.startswith("I") or image.mode == "F":
        return image.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    profile = profile_of(image)
    if image.mode == "CMYK":
        return (profile and _converted(image, profile)) or image.convert("RGB")
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        shown = Image.new("RGB", rgba.size, (255, 255, 255))
        shown.paste(rgba, mask=rgba.getchannel("A"))
    else:
        shown = image.convert("RGB")
    if profile is not None and wide_gamut(profile):
        return _converted(shown, profile) or shown
    return shown


def profile_of(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """The colour profile in the file, if it can be read."""
    data = image.info.get("icc_profile")
    if not isinstance(data, bytes) or not 128 <= len(data) <= _MAX_PROFILE_BYTES:
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(data))
    except _PROFILE_ERRORS:
        return None


def wide_gamut(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether an RGB profile's colours are others than sRGB's (Display P3, Adobe RGB, ProPhoto)."""
    try:
        core = profile.profile
        if core.xcolor_space.strip() != "RGB":
            return False
        found = (core.red_colorant, core.green_colorant, core.blue_colorant)
    except _PROFILE_ERRORS:
        return False
    return any(
        colorant is None or any(abs(a - b) > _TOLERANCE for a, b in zip(colorant[0], wanted, strict=True))
        for colorant, wanted in zip(found, _SRGB_COLORANTS, strict=True)
    )


def _converted(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image | None:
    try:
        return ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except _PROFILE_ERRORS:
        return None  # a broken profile: the plain conversion is what viewers fall back to
