"""How many tokens an answer may take: by the context that is left, and by a fair share of the KV cache.

The prompt is bounded from above without a tokenizer: Qwen's is a byte-level BPE, whose every token
stands for at least one byte of UTF-8, and no character is shorter in JSON than in UTF-8. Only where this
bound does not prove that everything fits is the engine's tokenizer asked. (Unicode normalisation before
the tokenizer can make a few rare composed characters longer; a grant that is too large for that reason
is refused by the engine itself, as it would have been without us.)

Sources: transformers' Qwen2-VL `smart_resize`; vLLM reserves nothing for `max_tokens` but lets requests
grow, and throws the youngest out (preemption, everything is computed again) when the cache is full.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec

from huiyan.engines.status import ModelCard
from huiyan.engines.upstream import Headers
from huiyan.errors import ContextExceededError
from huiyan.gateway.headers import block
from huiyan.gateway.kv_ledger import KvLedger

#: Side of the square that one visual token stands for: patches of 16 merged 2 x 2.
_TOKEN_SIDE_PIXELS = 32
#: `<|vision_start|>`, `<|vision_end|>`, and a label such as "Picture 10: ".
_AROUND_PICTURE_TOKENS = 10
#: `<|im_start|>user\n … <|im_end|>\n`.
_AROUND_MESSAGE_TOKENS = 6
#: The turn that the answer begins with, and a system message that a template may put first.
_TEMPLATE_TOKENS = 64
#: The template's own words around tool descriptions, which it also writes with spaces and escapes.
_TOOLS_TOKENS = 512
_TOOLS_GROWTH = 3
#: More text than this is not sent to the tokenizer beforehand: the engine will do it once anyway.
_MAX_COUNTED_BYTES = 4 * 1024 * 1024

Count = Callable[[str, Callable[[int | None], None]], None]


def image_tokens(width: int, height: int, *, min_tokens: int, max_tokens: int) -> int:
    """The most tokens that a picture of this size costs (pixels as the engine gets them).

    Rounded up where engines round to the nearest, so that it holds for all of them.
    """
    side = _TOKEN_SIDE_PIXELS
    tokens = min(math.ceil(width / side) * math.ceil(height / side), max(1, max_tokens))
    if max(1, width // side) * max(1, height // side) < min_tokens:
        # Rounded down, it is too small: then the engine scales the picture itself up, and rounds up.
        grow = math.sqrt(min_tokens * side * side / (width * height))
        grown = math.ceil(width * grow / side) * math.ceil(height * grow / side)
        tokens = max(tokens, grown)
    return tokens


class Ask(msgspec.Struct, kw_only=True):
    """What one request needs. Made by `ask`.

    text_bytes: bound of the text's tokens. fixed_tokens: pictures and template, known without counting.
    max_tokens: as the client asked, for each choice. text: all of the prompt's text, to be counted.
    """

    text_bytes: int
    fixed_tokens: int
    max_tokens: int | None
    choices: int
    text: Callable[[], str]


def ask(
    card: ModelCard,
    *,
    messages_bytes: int,
    messages: int,
    text: Callable[[], str],
    tools_bytes: int = 0,
    pictures: Iterable[tuple[int, int]] = (),
    max_tokens: int | None = None,
    choices: int = 1,
) -> Ask:
    """messages_bytes: of the JSON of `messages` (or `prompt`), pictures' URLs left out.

    pictures: (width, height) of each. text: called only if the text has to be counted; the tools' JSON
    belongs to it.
    """
    fixed = _TEMPLATE_TOKENS + _AROUND_MESSAGE_TOKENS * messages
    for width, height in pictures:
        fixed += _AROUND_PICTURE_TOKENS + image_tokens(
            width, height, min_tokens=card.image_min_tokens, max_tokens=card.image_max_tokens
        )
    if tools_bytes:
        fixed += _TOOLS_TOKENS
    return Ask(
        text_bytes=messages_bytes + _TOOLS_GROWTH * tools_bytes,
        fixed_tokens=fixed,
        max_tokens=max_tokens,
        choices=choices,
        text=text,
    )


def picture_tokens(card: ModelCard, pictures: Iterable[tuple[int, int]]) -> int:
    """Of pictures of these sizes (width, height) together, at most."""
    low, high = card.image_min_tokens, card.image_max_tokens
    return sum(image_tokens(width, height, min_tokens=low, max_tokens=high) for width, height in pictures)


def text_bound(messages_bytes: int, messages: int, tools_bytes: int = 0) -> int:
    """The most tokens of a prompt without pictures. As `ask` has them, for what needs no more than that."""
    fixed = _TEMPLATE_TOKENS + _AROUND_MESSAGE_TOKENS * messages + messages_bytes
    return fixed + _TOOLS_TOKENS + _TOOLS_GROWTH * tools_bytes if tools_bytes else fixed


class Grant(msgspec.Struct, frozen=True):
    """max_tokens: to be sent to the engine; None: leave the request as it is.

    reason: as-asked | context (what is left of it) | kv-share (of the cache) | uncounted.
    wait: the cache is too full now; the request should wait its turn with `Budget.again` as its `ready`.
    If nothing is running it goes on all the same, with this `max_tokens`.
    prompt_tokens: counted, or a bound where not `exact`.
    """

    max_tokens: int | None
    reason: str
    prompt_tokens: int
    exact: bool = False
    wait: bool = False
    asked: int | None = None
    choices: int = 1

    def block(self) -> bytes:
        """`headers` as lines."""
        if self.max_tokens is None and self.reason == "as-asked":
            return _AS_ASKED
        return block(self.headers())

    def headers(self) -> Headers:
        """For the answer: what was granted, and why."""
        if self.max_tokens is None:
            return [(b"x-huiyan-budget", self.reason.encode("ascii"))]
        relation = "=" if self.exact else "<="
        asked = "" if self.asked is None else f"; asked={self.asked}"
        why = f"{self.reason}; prompt{relation}{self.prompt_tokens}{asked}"
        return [
            (b"x-huiyan-max-tokens", b"%d" % self.max_tokens),
            (b"x-huiyan-budget", why.encode("ascii")),
        ]


_AS_ASKED = block([(b"x-huiyan-budget", b"as-asked")])

Done = Callable[[Grant | ContextExceededError], None]


class Budget:
    """context_tokens: of one request, prompt and answer. min_answer_tokens: a shorter answer is not worth
    having, so the request waits instead. parts: gateway processes that share the engine.
    """

    __slots__ = ("_min_answer_tokens", "_parts", "context_tokens")

    def __init__(self, context_tokens: int, *, min_answer_tokens: int = 256, parts: int = 1) -> None:
        self.context_tokens = context_tokens
        self._min_answer_tokens = min_answer_tokens
        self._parts = parts

    def grant(self, need: Ask, ledger: KvLedger, *, count: Count | None, done: Done) -> None:
        """Decide, and tell `done`: at once, unless the text has to be counted.

        count: asks the engine's tokenizer; answers None if it cannot say. `done` gets
        ContextExceededError when the prompt alone is too long.
        """
        bound = need.text_bytes + need.fixed_tokens
        asked = need.max_tokens
        grant = self.at_once(bound, asked, need.choices, ledger)
        if grant is not None:
            done(grant)
            return
        if count is None or need.text_bytes > _MAX_COUNTED_BYTES:
            done(self._uncounted(need, bound, ledger))
            return

        def counted(text_tokens: int | None) -> None:
            if text_tokens is None:
                done(self._uncounted(need, bound, ledger))
                return
            prompt_tokens = min(bound, text_tokens + need.fixed_tokens)
            if prompt_tokens >= self.context_tokens:
                done(self._too_long(prompt_tokens))
                return
            done(self._decide(prompt_tokens, True, asked, need.choices, ledger))

        count(need.text(), counted)

    def at_once(self, bound: int, asked: int | None, choices: int, ledger: KvLedger) -> Grant | None:
        """What was asked for, where that certainly fits; None: `grant` has to decide.

        bound: the most tokens that the prompt can have.
        """
        room = ledger.room(self._parts)
        if bound + (asked or 1) <= self.context_tokens:
            wanted = asked or self.context_tokens - bound
            if room is not None and room.share(bound, choices) < wanted:
                return None
        elif asked is not None or room is not None:
            return None
        # Else nothing is to be bound: too long a prompt is the engine's to refuse, which counts anyway.
        return Grant(None, "as-asked", bound, choices=choices)

    def again(self, grant: Grant, ledger: KvLedger) -> Grant:
        """The same request's grant with the cache as it is now; nothing is counted again."""
        return self._decide(grant.prompt_tokens, grant.exact, grant.asked, grant.choices, ledger)

    def _decide(
        self, prompt_tokens: int, exact: bool, asked: int | None, choices: int, ledger: KvLedger
    ) -> Grant:
        left = max(1, self.context_tokens - prompt_tokens)
        wanted = left if asked is None else min(asked, left)
        room = ledger.room(self._parts)
        share = wanted if room is None else room.share(prompt_tokens, choices)
        granted, reason, wait = wanted, "context", False
        if share < wanted:
            reason = "kv-share"
            granted = max(share, min(wanted, self._min_answer_tokens))
            # With nothing running, waiting would change nothing.
            wait = granted > share and room is not None and room.running > 0
        elif asked is None or wanted == asked:
            return Grant(
                max_tokens=None,
                reason="as-asked",
                prompt_tokens=prompt_tokens,
                exact=exact,
                asked=asked,
                choices=choices,
            )
        return Grant(
            max_tokens=granted,
            reason=reason,
            prompt_tokens=prompt_tokens,
            exact=exact,
            wait=wait,
            asked=asked,
            choices=choices,
        )

    def _uncounted(self, need: Ask, bound: int, ledger: KvLedger) -> Grant:
        """The bound proves nothing and nobody counts: the engine's own check decides on the context."""
        if bound >= self.context_tokens:
            return Grant(max_tokens=None, reason="uncounted", prompt_tokens=bound, choices=need.choices)
        return self._decide(bound, False, need.max_tokens, need.choices, ledger)

    def _too_long(self, prompt_tokens: int) -> ContextExceededError:
        return ContextExceededError(
            f"The request is about {prompt_tokens:,} tokens long; the model's context is "
            f"{self.context_tokens:,} tokens, question and answer together.",
            param="messages",
        )
