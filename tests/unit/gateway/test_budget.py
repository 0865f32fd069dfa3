"""The token budget: bounds that hold, counting only where it matters, shares of the cache."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from huiyan.engines.status import ModelCard
from huiyan.errors import ContextExceededError
from huiyan.gateway.budget import Ask, Budget, Grant, ask, image_tokens
from huiyan.gateway.engine_metrics import KvState
from huiyan.gateway.kv_ledger import KvLedger

CARD = ModelCard(id="m", name="m", context_tokens=8192)


def smart_resize(height: int, width: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """transformers' rule, written from its description: nearest multiple of 32, then into the pixel range."""
    high, wide = max(32, round(height / 32) * 32), max(32, round(width / 32) * 32)
    if high * wide > max_pixels:
        beta = math.sqrt(height * width / max_pixels)
        high, wide = (max(32, math.floor(side / beta / 32) * 32) for side in (height, width))
    elif high * wide < min_pixels:
        beta = math.sqrt(min_pixels / (height * width))
        high, wide = (math.ceil(side * beta / 32) * 32 for side in (height, width))
    return high, wide


@given(
    width=st.integers(8, 9000),
    height=st.integers(8, 9000),
    low=st.integers(1, 300),
    high=st.integers(300, 20000),
)
@example(width=8, height=513, low=17, high=300)
@settings(deadline=None, max_examples=300)
def test_a_picture_never_costs_more_than_the_bound(width: int, height: int, low: int, high: int) -> None:
    if max(width, height) / min(width, height) > 100:
        return  # refused by the engines
    tall, wide = smart_resize(height, width, low * 1024, high * 1024)
    assert tall * wide // 1024 <= image_tokens(width, height, min_tokens=low, max_tokens=high)


@pytest.mark.parametrize(
    ("size", "tokens"), [((1920, 1080), 2040), ((1024, 1024), 1024), ((10, 10), 64), ((20000, 20000), 16384)]
)
def test_pictures_of_known_cost(size: tuple[int, int], tokens: int) -> None:
    assert image_tokens(*size, min_tokens=64, max_tokens=16384) == tokens


@given(st.text(), st.booleans())
@settings(deadline=None)
def test_json_is_never_shorter_than_its_text(text: str, plain: bool) -> None:
    import json

    raw = msgspec.json.encode(text) if plain else json.dumps(text).encode()
    assert len(raw) >= len(text.encode("utf-8", "surrogatepass"))


class Counter:
    """The engine's tokenizer: says what it is told to, when it is told to."""

    def __init__(self, tokens: int | None) -> None:
        self.tokens = tokens
        self.asked: list[str] = []
        self.answer: Callable[[int | None], None] | None = None

    def __call__(self, text: str, done: Callable[[int | None], None]) -> None:
        self.asked.append(text)
        self.answer = done


def _ledger(total: int, free: int, running: int = 0, waiting: int = 0) -> KvLedger:
    ledger = KvLedger()
    ledger.told(KvState(total_tokens=total, free_tokens=free, running=running, waiting=waiting))
    return ledger


def _ask(text: str = "x" * 100, *, max_tokens: int | None = None, choices: int = 1) -> Ask:
    return ask(
        CARD, messages_bytes=len(text), messages=1, text=lambda: text, max_tokens=max_tokens, choices=choices
    )


def _grant(
    need: Ask, ledger: KvLedger | None = None, *, tokens: int | None = None, counts: bool = True
) -> tuple[Grant | ContextExceededError, list[str]]:
    told: list[Grant | ContextExceededError] = []
    counter = Counter(tokens)
    budget = Budget(CARD.context_tokens)
    budget.grant(need, ledger or KvLedger(), count=counter if counts else None, done=told.append)
    if counter.answer is not None:
        assert told == []
        counter.answer(tokens)
    assert len(told) == 1
    return told[0], counter.asked


@pytest.mark.parametrize("max_tokens", [None, 1, 4096])
def test_what_certainly_fits_is_left_alone_and_not_counted(max_tokens: int | None) -> None:
    grant, counted = _grant(_ask(max_tokens=max_tokens))
    assert isinstance(grant, Grant)
    assert (grant.max_tokens, grant.reason, grant.wait, counted) == (None, "as-asked", False, [])
    assert grant.headers() == [(b"x-huiyan-budget", b"as-asked")]


def test_a_count_can_prove_what_the_bound_could_not() -> None:
    text = "字" * 1500  # 4,500 bytes
    grant, counted = _grant(_ask("x" * 4500, max_tokens=6000), tokens=1500)
    assert isinstance(grant, Grant)
    assert (grant.max_tokens, grant.exact, len(counted), len(text.encode())) == (None, True, 1, 4500)


def test_more_than_is_left_is_cut_to_what_is_left() -> None:
    need = _ask("x" * 4500, max_tokens=100_000)
    grant, counted = _grant(need, tokens=2000)
    assert isinstance(grant, Grant)
    assert grant.max_tokens == 8192 - 2000 - need.fixed_tokens
    assert (grant.reason, grant.wait, len(counted)) == ("context", False, 1)
    assert grant.headers() == [
        (b"x-huiyan-max-tokens", b"%d" % grant.max_tokens),
        (b"x-huiyan-budget", b"context; prompt=%d; asked=100000" % (2000 + need.fixed_tokens)),
    ]


def test_a_prompt_that_is_too_long_is_refused_with_its_length() -> None:
    error, _ = _grant(_ask("x" * 50_000, max_tokens=100), tokens=9000)
    assert isinstance(error, ContextExceededError)
    assert "9,0" in error.message
    assert "8,192" in error.message


def test_without_a_wish_a_long_text_is_the_engines_to_count() -> None:
    grant, counted = _grant(_ask("x" * 50_000))
    assert isinstance(grant, Grant)
    assert (grant.max_tokens, counted) == (None, [])


@pytest.mark.parametrize("counts", [True, False])
def test_nobody_who_counts_leaves_the_decision_to_the_engine(counts: bool) -> None:
    grant, _ = _grant(_ask("x" * 50_000, max_tokens=100), tokens=None, counts=counts)
    assert isinstance(grant, Grant)
    assert (grant.max_tokens, grant.headers()) == (None, [(b"x-huiyan-budget", b"uncounted")])


def test_pictures_and_tools_are_part_of_the_bound() -> None:
    text = "x" * 100
    plain = _ask(text)
    more = ask(
        CARD, messages_bytes=100, messages=1, text=lambda: text, tools_bytes=1000, pictures=[(1920, 1080)] * 3
    )
    assert more.fixed_tokens - plain.fixed_tokens >= 3 * 2040
    assert more.text_bytes >= plain.text_bytes + 1000


# The cache.


def test_a_free_cache_bounds_nothing() -> None:
    grant, counted = _grant(_ask(max_tokens=4000), _ledger(400_000, 390_000, running=3))
    assert isinstance(grant, Grant)
    assert (grant.max_tokens, counted) == (None, [])


def test_under_pressure_the_answer_is_cut_to_a_fair_share() -> None:
    need = _ask(max_tokens=6000)
    grant, counted = _grant(need, _ledger(20_000, 11_000, running=4), tokens=30)
    assert isinstance(grant, Grant)
    prompt = 30 + need.fixed_tokens
    assert (grant.max_tokens, grant.reason, grant.wait) == ((10_000 - prompt) // 5, "kv-share", False)
    assert len(counted) == 1


def test_with_too_little_left_it_waits_and_goes_on_when_there_is_room() -> None:
    ledger = _ledger(20_000, 1_500, running=4)
    grant, _ = _grant(_ask(max_tokens=6000), ledger, tokens=30)
    assert isinstance(grant, Grant)
    assert (grant.wait, grant.max_tokens, grant.reason) == (True, 256, "kv-share")
    budget = Budget(CARD.context_tokens)
    assert budget.again(grant, ledger).wait
    ledger.told(KvState(total_tokens=20_000, free_tokens=12_000, running=1, waiting=0))
    later = budget.again(grant, ledger)
    assert (later.wait, later.max_tokens) == (False, (11_000 - grant.prompt_tokens) // 2)
    ledger.told(KvState(total_tokens=20_000, free_tokens=20_000, running=0, waiting=0))
    assert budget.again(later, ledger).max_tokens is None


def test_a_small_wish_does_not_wait_for_more_than_it_asked() -> None:
    grant, _ = _grant(_ask(max_tokens=40), _ledger(20_000, 1_500, running=4), tokens=30)
    assert isinstance(grant, Grant)
    assert (grant.max_tokens, grant.wait) == (None, False)


def test_choices_share_among_themselves() -> None:
    one, _ = _grant(_ask(max_tokens=6000), _ledger(20_000, 11_000, running=1), tokens=30)
    four, _ = _grant(_ask(max_tokens=6000, choices=4), _ledger(20_000, 11_000, running=1), tokens=30)
    assert isinstance(one, Grant)
    assert isinstance(four, Grant)
    assert one.max_tokens is not None
    assert four.max_tokens == one.max_tokens // 4


def test_with_nothing_running_nobody_waits() -> None:
    grant, _ = _grant(_ask(max_tokens=6000), _ledger(20_000, 500), tokens=30)
    assert isinstance(grant, Grant)
    assert grant.max_tokens is not None
    assert grant.max_tokens >= 1
    room = _ledger(20_000, 500).room()
    assert room is not None
    assert room.share(100_000, 1) == 1


def test_what_was_sent_since_the_last_look_is_counted_and_then_forgotten() -> None:
    ledger = _ledger(100_000, 100_000)

    def room() -> tuple[int, int]:
        now = ledger.room()
        assert now is not None
        return now.free_tokens, now.running

    ledger.charge(10_000)
    assert room() == (85_000, 1)
    state = KvState(total_tokens=100_000, free_tokens=90_000, running=1, waiting=0)
    ledger.told(state)
    assert room() == (75_000, 1)  # it may not be in the state yet
    ledger.told(state)
    assert room() == (85_000, 1)
    ledger.told(None)
    assert ledger.room() is None
    ledger.charge(1)


def test_gateway_processes_share_what_is_free() -> None:
    ledger = _ledger(100_000, 55_000, running=1)
    whole, half = ledger.room(), ledger.room(2)
    assert whole is not None
    assert half is not None
    assert half.free_tokens == whole.free_tokens // 2 == 25_000


@given(
    prompt=st.integers(0, 9000),
    asked=st.one_of(st.none(), st.integers(1, 20_000)),
    free=st.integers(0, 30_000),
    running=st.integers(0, 20),
    choices=st.integers(1, 8),
)
@settings(deadline=None)
def test_no_grant_passes_the_context_or_the_wish(
    prompt: int, asked: int | None, free: int, running: int, choices: int
) -> None:
    result, _ = _grant(
        _ask("x" * prompt, max_tokens=asked, choices=choices), _ledger(30_000, free, running), tokens=prompt
    )
    if isinstance(result, ContextExceededError):
        return
    if result.max_tokens is not None:
        assert 1 <= result.max_tokens <= max(1, 8192 - result.prompt_tokens)
        assert asked is None or result.max_tokens <= asked
        assert result.reason in ("context", "kv-share")
    if running == 0:
        assert not result.wait
