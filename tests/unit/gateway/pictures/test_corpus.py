"""Each file of the corpus, through the pool: its own refusal, or nothing but its pixels."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import psutil
import pytest
from PIL import Image

from huiyan.errors import InvalidImageError, PayloadTooLargeError
from huiyan.gateway.pictures.limits import ImageLimits, PreparedImage
from huiyan.gateway.pictures.pool import DecodePool
from tests.support.broken_pictures import PAYLOAD, Broken, corpus

MIB = 1024 * 1024
LIMITS = ImageLimits()
CORPUS = corpus()


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    made = DecodePool(processes=1, max_decoded_bytes=256 * MIB, time_limit_s=120)
    made.warm()
    yield made
    made.close()


def resident_bytes() -> int:
    """Of this process and of its decoders."""
    me = psutil.Process()
    return sum(process.memory_info().rss for process in (me, *me.children(recursive=True)))


def code_of(pool: DecodePool, broken: Broken) -> str:
    found: PreparedImage | InvalidImageError | PayloadTooLargeError
    try:
        found = pool.decode(broken.data, LIMITS, label="Picture 3")
    except (InvalidImageError, PayloadTooLargeError) as error:
        found = error
    if not isinstance(found, PreparedImage):
        assert found.message.startswith("Picture 3")
        assert found.hint
        assert "broke the decoder" not in found.message
        return found.code
    assert PAYLOAD not in found.data
    shown = Image.open(io.BytesIO(found.data))
    shown.load()
    assert shown.size == (found.width, found.height)
    assert not shown.getexif()
    return "ok"


@pytest.mark.parametrize("broken", CORPUS, ids=lambda broken: broken.name)
def test_each_file_is_refused_in_its_own_way_or_cleaned(pool: DecodePool, broken: Broken) -> None:
    assert code_of(pool, broken) == broken.code


def test_the_corpus_leaves_no_memory_behind(pool: DecodePool) -> None:
    for broken in CORPUS:
        code_of(pool, broken)
    before = resident_bytes()
    for _ in range(3):
        for broken in CORPUS:
            code_of(pool, broken)
    assert resident_bytes() - before < 48 * MIB


def test_flipped_bytes_never_break_the_decoder(pool: DecodePool) -> None:
    chance = random.Random(20_260_106)
    sources = [broken.data for broken in CORPUS if 0 < len(broken.data) < 50_000]
    codes: dict[str, int] = {}
    for _ in range(300):
        data = bytearray(chance.choice(sources))
        for _ in range(chance.randint(1, 10)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        code = code_of(pool, Broken("flipped", bytes(data), "ok"))
        codes[code] = codes.get(code, 0) + 1
    assert codes.keys() == {"ok", "invalid_image", "payload_too_large"}
