"""The product cards that the tests draw: what they hold, and that nano really reads them."""

from __future__ import annotations

import random

import msgspec

from tests.support import cards
from tests.support.engine_process import EngineProcess
from tests.support.fonts import chinese_fonts
from tests.support.pictures import picture_content
from tests.support.wire import ask

#: First bytes of GB2312 level 1, the 3,755 characters that nano knows.
_LEVEL_1 = range(0xB0, 0xD8)


def test_words_are_within_gb2312_level_1() -> None:
    for word in (*cards.BRANDS, *cards.ADJECTIVES, *cards.NOUNS):
        assert all(char.encode("gb2312")[0] in _LEVEL_1 for char in word), word


def test_a_seed_draws_the_same_card_again() -> None:
    first, second = cards.draw_card(4711), cards.draw_card(4711)
    assert first.png() == second.png()
    assert str(first) == str(second)
    assert cards.draw_card(4712).png() != first.png()


def test_reading_is_judged_strictly() -> None:
    card = cards.draw_card(1)
    price = card.price
    assert card.is_read_right(f"{card.name}\n¥{price}")
    assert not card.is_read_right(f"{card.name[1:]}\n¥{price}")
    assert not card.is_read_right(f"{card.name}\n¥1{price}")
    assert not card.is_read_right(f"{card.name}\n¥{price}9")
    assert not card.is_read_right(card.name)


async def test_nano_reads_at_least_4_of_5_cards_in_at_least_two_fonts(
    llama_cpp_process: EngineProcess,
) -> None:
    """Name and price right, over 20 cards from a fresh seed, in every Chinese font of this machine."""
    fonts = chinese_fonts()
    assert len(fonts) >= 2, "install two Chinese fonts, for example fonts-wqy-zenhei and fonts-noto-cjk"
    seed = random.SystemRandom().randrange(10**6)
    auth = {"Authorization": f"Bearer {llama_cpp_process.endpoint.api_key}"}
    misread = []
    drawn = cards.draw_cards(seed, 20)
    for card in drawn:
        request = {"messages": [{"role": "user", "content": picture_content(card.png())}], "max_tokens": 300}
        response = await ask(
            llama_cpp_process.endpoint.port, "POST", "/v1/chat/completions", auth, json=request
        )
        answer = msgspec.json.decode(bytes(response.body))["choices"][0]["message"]["content"]
        if not card.is_read_right(answer):
            misread.append(f"{card}: {answer!r}")
    report = "\n".join([f"seed {seed}", *misread])
    assert len(drawn) - len(misread) >= 0.8 * len(drawn), report
