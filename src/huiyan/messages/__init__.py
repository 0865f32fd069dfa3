"""Every sentence that the command line shows, in Chinese and English, by key.

An error that is made with `refusal` carries its key, so that it can be shown in the reader's language
while logs and JSON keep the English words. `KEY.hint` is the sentence that says what to do.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple, TypeVar

from huiyan.errors import HuiyanError
from huiyan.messages import (
    backup,
    bench,
    checks,
    cluster,
    commands,
    components,
    default_hints,
    deploy,
    engine,
    engines,
    feeds,
    hardware,
    help_texts,
    keys,
    model_files,
    models,
    plan,
    reasons,
    release,
    sources,
    start,
    store,
    tls,
    tool_faults,
    tools,
    uninstall,
    updates,
    upgrade,
)

Language = Literal["zh", "en"]

_E = TypeVar("_E", bound=HuiyanError)

#: key → (Chinese, English), as templates for `str.format`.
CATALOGUE: Final[dict[str, tuple[str, str]]] = {
    **backup.SENTENCES,
    **bench.SENTENCES,
    **checks.SENTENCES,
    **cluster.SENTENCES,
    **commands.SENTENCES,
    **components.SENTENCES,
    **default_hints.SENTENCES,
    **deploy.SENTENCES,
    **engine.SENTENCES,
    **engines.SENTENCES,
    **feeds.SENTENCES,
    **hardware.SENTENCES,
    **help_texts.SENTENCES,
    **keys.SENTENCES,
    **model_files.SENTENCES,
    **models.SENTENCES,
    **plan.SENTENCES,
    **reasons.SENTENCES,
    **release.SENTENCES,
    **sources.SENTENCES,
    **start.SENTENCES,
    **store.SENTENCES,
    **tls.SENTENCES,
    **tool_faults.SENTENCES,
    **tools.SENTENCES,
    **uninstall.SENTENCES,
    **upgrade.SENTENCES,
    **updates.SENTENCES,
}


class Text(NamedTuple):
    """A sentence before its language is chosen. args: a value may be a Text itself."""

    key: str
    args: dict[str, Any]

    def render(self, language: Language) -> str:
        return say(self.key, language, **self.args)


class Both(NamedTuple):
    """What another process has said in both languages; an argument like `Text`."""

    zh: str
    en: str

    def render(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


def say(key: str, language: Language, **args: Any) -> str:
    """The sentence `key` in `language`. Raises: KeyError for an unknown key or a missing argument."""
    chinese, english = CATALOGUE[key]
    values = {
        name: arg.render(language) if isinstance(arg, Text | Both) else arg for name, arg in args.items()
    }
    return (chinese if language == "zh" else english).format(**values)


def known(key: str, otherwise: str) -> str:
    """`key` if it has sentences."""
    return key if key in CATALOGUE else otherwise


def refusal(kind: type[_E], key: str, *, param: str | None = None, **args: Any) -> _E:
    """An error of type `kind` with the sentences `key` and, where there is one, `key.hint`.

    param: what of a request it is about.
    """
    hint_key = f"{key}.hint"
    hint = say(hint_key, "en", **args) if hint_key in CATALOGUE else None
    error = kind(say(key, "en", **args), hint=hint, param=param)
    error.sentence = (key, args)
    return error


def of_error(error: HuiyanError, language: Language) -> tuple[str, str]:
    """(what is wrong, what to do) for a reader of `language`; English where there is no other."""
    return _rendered(cause_of(error), language), _rendered(advice_of(error), language)


def cause_of(error: HuiyanError) -> Text | str:
    """What is wrong, as an argument of another sentence."""
    return error.message if error.sentence is None else Text(*error.sentence)


def advice_of(error: HuiyanError) -> Text | str:
    """What to do, as an argument of another sentence."""
    if error.sentence is not None and f"{error.sentence[0]}.hint" in CATALOGUE:
        return Text(f"{error.sentence[0]}.hint", error.sentence[1])
    owner = next((kind for kind in type(error).__mro__ if "default_hint" in vars(kind)), HuiyanError)
    if error.hint and error.hint == error.default_hint:
        return Text(f"default_hint.{owner.__dict__['code']}", {})
    return error.hint


def in_both(said: Text | str) -> tuple[str, str]:
    """(English, Chinese)."""
    return _rendered(said, "en"), _rendered(said, "zh")


def _rendered(said: Text | str, language: Language) -> str:
    return said if isinstance(said, str) else said.render(language)
