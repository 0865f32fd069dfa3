"""Which fields of a completion request are bounded, refused, or passed on to the engine as they are.

docs/reference/request-fields.md is this table for people; a test holds the two together. A field that
is not named here is passed on: engines ignore what they do not know, and new sampling fields must not
wait for us. Refused is what would reach past this request: another model's or client's memory, a host
on the network, the order in which requests are served.
"""

from __future__ import annotations

import msgspec

from huiyan.errors import InvalidJsonError, PayloadTooLargeError, RequestError
from huiyan.gateway.tool_loop.request import Extension

#: Answers of one request; vLLM would take 16,384 of them.
MAX_CHOICES = 8
MAX_LOGPROBS = 20
MAX_STOPS = 16
MAX_STOP_CHARS = 256
MAX_BIASED_TOKENS = 1024
MAX_TOOLS = 128
MAX_GRAMMAR_BYTES = 64 * 1024

_RAW = msgspec.Raw()

#: Content parts that an engine may be given. Others make it fetch from the network or skip the intake
#: of pictures: video_url, audio_url, input_audio, image_embeds, image_pil, file, …
CONTENT_PARTS = frozenset({"text", "image_url", "refusal"})


class KnownFields(msgspec.Struct):
    """What the gateway reads of a request. `check` bounds it; `messages` and `prompt` are read elsewhere.

    The order counts: what `check` has to look at only where it stands there comes after `max_tokens`.
    """

    model: str | None = None
    stream: bool | None = None
    messages: msgspec.Raw = _RAW
    prompt: msgspec.Raw = _RAW
    prompt_adapter: str | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    min_tokens: int | None = None
    n: int | None = None
    tools: list[msgspec.Raw] | None = None
    stop: str | list[str] | None = None
    logprobs: bool | int | None = None
    top_logprobs: int | None = None
    best_of: int | None = None
    n_probs: int | None = None
    logit_bias: dict[str, float] | list[msgspec.Raw] | None = None
    response_format: msgspec.Raw = _RAW
    structured_outputs: msgspec.Raw = _RAW
    guided_json: msgspec.Raw = _RAW
    guided_regex: msgspec.Raw = _RAW
    guided_grammar: msgspec.Raw = _RAW
    grammar: msgspec.Raw = _RAW
    json_schema: msgspec.Raw = _RAW
    chat_template_kwargs: dict[str, msgspec.Raw] | None = None
    huiyan: Extension | None = None
    # Refused, whatever they hold.
    n_predict: msgspec.Raw = _RAW
    n_cmpl: msgspec.Raw = _RAW
    id_slot: msgspec.Raw = _RAW
    lora: msgspec.Raw = _RAW
    priority: msgspec.Raw = _RAW
    request_id: msgspec.Raw = _RAW
    use_beam_search: msgspec.Raw = _RAW
    prompt_logprobs: msgspec.Raw = _RAW
    prompt_embeds: msgspec.Raw = _RAW
    chat_template: msgspec.Raw = _RAW
    mm_processor_kwargs: msgspec.Raw = _RAW
    media_io_kwargs: msgspec.Raw = _RAW
    kv_transfer_params: msgspec.Raw = _RAW
    ec_transfer_params: msgspec.Raw = _RAW
    vllm_xargs: msgspec.Raw = _RAW

    @property
    def asked_tokens(self) -> int | None:
        """Answer tokens that the client asked for; the newer name wins, as in the engines."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def choices(self) -> int:
        """Answers that the engine writes for each prompt."""
        return max(self.n or 1, self.best_of or 1)


#: Refused fields: what to do instead.
REFUSED = {
    "n_predict": "Use max_tokens.",
    "n_cmpl": "Use n.",
    "id_slot": "Leave it out: the engine chooses the slot.",
    "lora": "Leave it out: adapters are loaded by whoever runs the server.",
    "priority": "Leave it out: the order is decided by the gateway, by key.",
    "request_id": "Send the header X-Request-ID.",
    "use_beam_search": "Use n and temperature.",
    "prompt_logprobs": "Use logprobs.",
    "prompt_embeds": "Send text.",
    "chat_template": "Leave it out, or use /v1/completions with a prompt of your own.",
    "mm_processor_kwargs": 'Use "detail": "low" or "high" of a picture.',
    "media_io_kwargs": "Leave it out.",
    "kv_transfer_params": "Leave it out.",
    "ec_transfer_params": "Leave it out.",
    "vllm_xargs": "Leave it out.",
}

#: Fields within bounds.
BOUNDED = (
    "model",
    "messages",
    "prompt",
    "prompt_adapter",
    "max_tokens",
    "max_completion_tokens",
    "min_tokens",
    "n",
    "best_of",
    "stop",
    "logprobs",
    "top_logprobs",
    "n_probs",
    "logit_bias",
    "tools",
    "response_format",
    "structured_outputs",
    "guided_json",
    "guided_regex",
    "guided_grammar",
    "grammar",
    "json_schema",
    "chat_template_kwargs",
    "huiyan",
)

_COUNTS = (
    ("n", 1, MAX_CHOICES, "Send several requests instead."),
    ("best_of", 1, MAX_CHOICES, "Send several requests instead."),
    ("max_tokens", 1, None, "Leave it out for as many as fit."),
    ("max_completion_tokens", 1, None, "Leave it out for as many as fit."),
    ("min_tokens", 0, None, "Leave it out."),
    ("top_logprobs", 0, MAX_LOGPROBS, "Ask for fewer."),
    ("n_probs", 0, MAX_LOGPROBS, "Ask for fewer."),
)
_GRAMMARS = (
    "response_format",
    "structured_outputs",
    "guided_json",
    "guided_regex",
    "guided_grammar",
    "grammar",
    "json_schema",
)

#: The fields up to here are in nearly every request, and those after it in nearly none.
_USUAL = KnownFields.__struct_fields__.index("max_tokens") + 1
_NOTHING = msgspec.structs.astuple(KnownFields())[_USUAL:]


def check(known: KnownFields) -> None:
    """Raises RequestError (`param` names the field) for what is refused or out of bounds."""
    max_tokens = known.max_tokens
    if max_tokens is not None and max_tokens < 1:
        _check_counts(known)
    # A tuple made and compared in C takes 0.3 µs; looking at thirty attributes took 1.6.
    if msgspec.structs.astuple(known)[_USUAL:] != _NOTHING:
        _check_counts(known)
        _check_refused(known)
        _check_sizes(known)


def check_part(kind: str, *, param: str) -> None:
    """A message part's `type`. Raises RequestError."""
    if kind not in CONTENT_PARTS:
        raise RequestError(
            f"Message parts of the type {kind[:40]!r} are not taken here.",
            hint="Send text and image_url parts; save a video's frames as pictures.",
            param=param,
        )


def check_prompt(prompt: bytes, choices: int) -> int:
    """How many prompts `/v1/completions` is asked to answer. Raises RequestError for too many answers in all.

    prompt: raw JSON; text, token ids, or a list of either. llama.cpp's objects, which may bring pictures
    past the intake, are refused.
    """
    try:
        value = msgspec.json.decode(prompt, type=str | list[int | str | list[int]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidJsonError(
            "`prompt` is neither text, nor token ids, nor a list of those.",
            hint="Pictures belong into /v1/chat/completions.",
            param="prompt",
        ) from None
    prompts = 1 if isinstance(value, str) or (value and isinstance(value[0], int)) else len(value)
    if prompts * choices > MAX_CHOICES:
        raise RequestError(
            f"{prompts} prompts with {choices} answers each; {MAX_CHOICES} answers can be asked for at once.",
            hint="Send several requests instead.",
            param="prompt",
        )
    return prompts


def with_max_tokens(body: bytes, max_tokens: int) -> bytes:
    """The body with the granted number of tokens in place of what the client asked for.

    body: a JSON object that was read as KnownFields before. Values are not written anew but for the
    numbers themselves; `min_tokens` is lowered where it would contradict.
    """
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    number = msgspec.Raw(b"%d" % max_tokens)
    names = [name for name in ("max_tokens", "max_completion_tokens") if name in fields]
    for name in names or ["max_tokens"]:
        fields[name] = number
    least = fields.get("min_tokens")
    if least is not None and bytes(least) != b"null" and float(bytes(least)) > max_tokens:
        fields["min_tokens"] = number
    return msgspec.json.encode(fields)


def _check_counts(known: KnownFields) -> None:
    for name, least, most, hint in _COUNTS:
        value = getattr(known, name)
        if value is not None and (value < least or (most is not None and value > most)):
            between = f"at least {least}" if most is None else f"between {least} and {most}"
            raise RequestError(f"`{name}` is {value}; it must be {between}.", hint=hint, param=name)
    if isinstance(known.logprobs, int) and not 0 <= known.logprobs <= MAX_LOGPROBS:
        raise RequestError(
            f"`logprobs` is {known.logprobs}; it must be between 0 and {MAX_LOGPROBS}.",
            hint="Ask for fewer.",
            param="logprobs",
        )
    if known.best_of is not None and known.best_of < (known.n or 1):
        raise RequestError("`best_of` is smaller than `n`.", hint="Leave best_of out.", param="best_of")


def _check_refused(known: KnownFields) -> None:
    for name, hint in REFUSED.items():
        raw = bytes(getattr(known, name))
        if raw and raw not in (b"null", b"false"):
            raise RequestError(f"`{name}` is not taken here.", hint=hint, param=name)


def _check_sizes(known: KnownFields) -> None:
    # vLLM trusts the gateway with templates, and would take one from here as well.
    if known.chat_template_kwargs and "chat_template" in known.chat_template_kwargs:
        raise RequestError(
            "`chat_template` is not taken here.",
            hint=REFUSED["chat_template"],
            param="chat_template_kwargs",
        )
    stops = [known.stop] if isinstance(known.stop, str) else known.stop or []
    if len(stops) > MAX_STOPS or any(len(stop) > MAX_STOP_CHARS for stop in stops):
        raise RequestError(
            f"`stop` takes up to {MAX_STOPS} texts of {MAX_STOP_CHARS} characters.",
            hint="Send fewer or shorter ones.",
            param="stop",
        )
    if len(known.logit_bias or ()) > MAX_BIASED_TOKENS:
        raise RequestError(
            f"`logit_bias` names more than {MAX_BIASED_TOKENS:,} tokens.",
            hint="Send fewer.",
            param="logit_bias",
        )
    if len(known.tools or ()) > MAX_TOOLS:
        raise RequestError(f"More than {MAX_TOOLS} `tools`.", hint="Send fewer.", param="tools")
    for name in _GRAMMARS:
        if len(bytes(getattr(known, name))) > MAX_GRAMMAR_BYTES:
            raise PayloadTooLargeError(
                f"`{name}` is larger than {MAX_GRAMMAR_BYTES:,} bytes.", hint="Simplify it.", param=name
            )
