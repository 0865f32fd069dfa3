"""huiyan.messages: both languages say the same things, and every key that is used is there."""

from __future__ import annotations

import importlib
import pkgutil
import re
import string
from collections import Counter
from pathlib import Path

import pytest

import huiyan
from huiyan import messages
from huiyan.errors import PortInUseError, SettingsError
from huiyan.messages import CATALOGUE, Text, of_error, refusal, say

SOURCES = Path(huiyan.__file__).parent
#: Keys that are put together in the code: `layer.` + a layer, `engine.` + a code.
COMPOSED = (
    "layer.",
    "state.",
    "part.",
    "engine.",
    "doctor.",
    "help.",
    "store.damage.",
    "models.head.",
    "models.phase",
    "update.how.",
    "update.step.",
    "update.head.",
    "told",
    "default_hint.",
    "models.serve.",
    "keys.head.",
    "plan.head.",
    "keys.state.",
    "keys.limit.",
    "usage.head.",
    "tools.head.",
    "tools.step.",
    "tools.confined.",
    "uninstall.kind.",
    "upgrade.step.",
)


def sources() -> list[Path]:
    return [path for path in SOURCES.rglob("*.py") if "messages" not in path.parts]


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("key", sorted(CATALOGUE))
def test_both_languages_are_there_with_the_same_fields(key: str) -> None:
    chinese, english = CATALOGUE[key]
    assert chinese
    assert english
    # A code's Chinese sentence may stand alone where the English one repeats what the engine said.
    if not (key.startswith("engine.") and english == "{detail}"):
        assert fields(chinese) == fields(english)
    if not re.fullmatch(r"[\W\w]?\{\w+\}.*", chinese):
        assert re.search(r"[\u4e00-\u9fff]", chinese), "no Chinese in it"
    assert not re.search(r"[\u4e00-\u9fff]", english), "Chinese in the English sentence"


@pytest.mark.parametrize("key", sorted(key for key in CATALOGUE if key.endswith(".hint")))
def test_a_hint_needs_no_more_than_its_sentence_has(key: str) -> None:
    sentence = CATALOGUE.get(key.removesuffix(".hint"))
    assert sentence is not None, "a hint without its sentence"


def test_every_sentence_is_used() -> None:
    words = {word for path in sources() for word in re.findall(r'"([a-z_.]+)"', path.read_text("utf-8"))}
    unused = [
        key for key in CATALOGUE if key.removesuffix(".hint") not in words and not key.startswith(COMPOSED)
    ]
    assert unused == []


def test_every_sentence_that_is_asked_for_exists() -> None:
    asked = re.compile(r'(?:\bsay|\bText|refusal|help_text)\(\s*(?:\w+,\s*)?"([a-z_.]+)"')
    found = {key for path in sources() for key in asked.findall(path.read_text("utf-8"))}
    assert len(found) > 50
    assert found - set(CATALOGUE) == set()


def test_an_error_speaks_the_readers_language() -> None:
    error = refusal(PortInUseError, "port.in_use", port=8000, flag="--port", free=8001)
    assert "8000" in error.message
    assert "taken" in error.message
    assert "--port 8001" in error.hint
    chinese, hint = of_error(error, "zh")
    assert "已被占用" in chinese
    assert "--port 8001" in hint
    assert of_error(error, "en") == (error.message, error.hint)


def test_an_error_without_a_key_keeps_its_words() -> None:
    assert of_error(SettingsError("odd", hint="even"), "zh") == ("odd", "even")


def test_a_sentence_may_contain_another() -> None:
    text = Text("part.failed", {"part": Text("part.engine", {}), "cause": "x"})
    assert "引擎" in text.render("zh")
    assert "engine" in text.render("en")


def test_no_two_files_have_one_key() -> None:
    keys = [
        key
        for module in pkgutil.iter_modules(messages.__path__)
        for key in importlib.import_module(f"huiyan.messages.{module.name}").SENTENCES
    ]
    assert len(keys) > 500
    assert [key for key, count in Counter(keys).items() if count > 1] == []


def test_a_missing_argument_is_an_error() -> None:
    with pytest.raises(KeyError):
        say("port.in_use", "en")
