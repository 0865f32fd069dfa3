"""All pictures of one request, read and put into the body for the engine. Runs in a worker thread."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from huiyan.errors import ImageMissingError, InvalidImageError, QueueFullError, RequestError
from huiyan.gateway.adapter import PromptAdapter
from huiyan.gateway.multipart import Part
from huiyan.gateway.pictures import sources
from huiyan.gateway.pictures.assemble import SentPicture, assemble, sent
from huiyan.gateway.pictures.limits import DetailPixels, ImageLimits, PreparedImage
from huiyan.gateway.pictures.pool import DecodePool
from huiyan.gateway.pictures.remote import RemoteRules, fetch
from huiyan.gateway.pictures.sources import PictureSlot
from huiyan.gateway.pictures.store import ImageStore


@dataclass(frozen=True, slots=True)
class Workshop:
    """What reading pictures takes; one for a gateway process.

    uuids: name pictures to the engine, which caches by that name (vLLM).
    """

    pool: DecodePool
    store: ImageStore
    limits: ImageLimits
    remote: RemoteRules = field(default_factory=RemoteRules)
    uuids: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """pieces: the body, in order. sizes: (width, height) of each picture, as sent.

    decode_s: spent on reading pictures, waiting for a decoder included.
    """

    pieces: list[bytes]
    sizes: list[tuple[int, int]]
    decode_s: float


def prepare(
    body: bytes,
    slots: Sequence[PictureSlot],
    owner: str,
    workshop: Workshop,
    *,
    detail: DetailPixels,
    adapter: PromptAdapter,
    attachments: Mapping[str, Part] | None = None,
) -> Prepared:
    """Read every picture and assemble the body. `slots` lose their URLs.

    owner: a principal's id; of kept pictures only its own are found.
    Raises: ImageMissingError (naming every hash that is not kept), InvalidImageError, ImageTimeoutError,
    ImageDecoderError, ImageUrlRefusedError, ImageFetchError, PayloadTooLargeError, QueueFullError; `param`
    names the message part.
    """
    started_s = time.monotonic()
    files = attachments or {}
    parsed = [_parse(slot) for slot in slots]
    _check_kept(parsed, owner, workshop.store)
    _check_attachments(slots, parsed, files)
    pictures: dict[tuple[int, int], SentPicture] = {}
    sizes: list[tuple[int, int]] = []
    for index, slot in enumerate(slots):
        source = parsed[index]
        parsed[index] = sources.Attachment("")  # a data URL is megabytes: not held any longer than needed
        slot.url = ""
        try:
            image, name = _image(source, slot, owner, workshop, detail, files)
        except RequestError as error:
            if not isinstance(error, (ImageMissingError, QueueFullError)):
                error.param = slot.param
            raise
        del source
        uuid = name if workshop.uuids else ""
        pictures[slot.message, slot.part] = sent(image.data, image.media_type, slot.number, uuid)
        sizes.append((image.width, image.height))
    pieces = assemble(body, pictures, adapter)
    return Prepared(pieces, sizes, time.monotonic() - started_s)


def keep(data: bytes, sha256: str, owner: str, workshop: Workshop) -> PreparedImage:
    """Check an uploaded picture and keep it for its owner. Runs in a worker thread.

    sha256: in lower case, of `data`, checked by the caller.
    Raises: InvalidImageError, PayloadTooLargeError, ImageTimeoutError, ImageDecoderError, QueueFullError,
    DiskFullError.
    """
    image = workshop.pool.decode(data, workshop.limits, label="The picture")
    workshop.store.put(owner, sha256, image)
    return image


def _parse(slot: PictureSlot) -> sources.Source:
    try:
        return sources.parse(slot.url, slot.label)
    except RequestError as error:
        error.param = slot.param
        raise


def _check_kept(parsed: Sequence[sources.Source], owner: str, store: ImageStore) -> None:
    hashes = list(dict.fromkeys(source.sha256 for source in parsed if isinstance(source, sources.Kept)))
    missing = [sha256 for sha256 in hashes if not store.has(owner, sha256)]
    if missing:
        raise _missing(missing)


def _missing(hashes: Sequence[str]) -> ImageMissingError:
    count = "A picture is" if len(hashes) == 1 else f"{len(hashes)} pictures are"
    return ImageMissingError(f"{count} not kept here: {', '.join(hashes)}.", hashes=hashes)


def _check_attachments(
    slots: Sequence[PictureSlot], parsed: Sequence[sources.Source], files: Mapping[str, Part]
) -> None:
    used = set()
    for slot, source in zip(slots, parsed, strict=True):
        if isinstance(source, sources.Attachment):
            if source.name not in files:
                error = sources.no_attachment(slot.label, source.name)
                error.param = slot.param
                raise error
            used.add(source.name)
    unused = [name for name in files if name not in used]
    if unused:
        raise InvalidImageError(
            f"The form's file {unused[0]!r} stands in no message.",
            hint=f"Refer to it as attachment://{unused[0]} in an image_url, or leave it out.",
            param=unused[0],
        )


def _image(
    source: sources.Source,
    slot: PictureSlot,
    owner: str,
    workshop: Workshop,
    detail: DetailPixels,
    files: Mapping[str, Part],
) -> tuple[PreparedImage, str]:
    """A picture and, where it has one that stays, its name."""
    limits, max_pixels = workshop.limits, detail.of(slot.detail)
    match source:
        case sources.Kept(sha256):
            kept = workshop.store.get(owner, sha256)
            if kept is None:
                raise _missing([sha256])
            name = f"sha256:{sha256}"
            if kept.width * kept.height <= max_pixels:
                return kept, name
            # The same picture with fewer pixels is another one to the engine's cache.
            smaller = workshop.pool.decode(kept.data, limits, label=slot.label, max_pixels=max_pixels)
            return smaller, f"{name}:{max_pixels}"
        case sources.Attachment(name):
            data = files[name].data
            if len(data) > limits.max_bytes:
                raise sources.too_large(slot.label, limits)
        case sources.Link(url):
            data = fetch(url, workshop.remote, slot.label)
        case _:
            data = sources.decode_data_url(source.url, slot.label, limits)
    return workshop.pool.decode(data, limits, label=slot.label, max_pixels=max_pixels), ""
