"""The names under which picture intake is known outside of `pictures`."""

from huiyan.gateway.pictures.intake import prepare_image
from huiyan.gateway.pictures.limits import ImageLimits, MediaType, PreparedImage

__all__ = ["ImageLimits", "MediaType", "PreparedImage", "prepare_image"]
