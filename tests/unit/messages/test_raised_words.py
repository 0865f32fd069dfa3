"""No error that people read is made from an English literal: `refusal` gives it words in both languages."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import huiyan
from huiyan import errors
from huiyan.errors import HuiyanError
from huiyan.messages import CATALOGUE

SOURCES: Final = Path(huiyan.__file__).parent

#: Where English literals are right, and why. A path ending in / is a folder.
ALLOWED: Final = {
    "gateway/": "answers of the HTTP API: English and a stable code, as OpenAI's; the page has its own words",
    "engines/upstream.py": "the same: what the gateway answers about its engine",
    "engines/supervisor.py": "a child's own words; `launcher.parts.start_failure` puts sentences to its code",
}


def kinds() -> frozenset[str]:
    return frozenset(
        name
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, HuiyanError)
    )


def is_literal(node: ast.expr) -> bool:
    """A text that is written out here, or put together from such."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.BinOp):
        return is_literal(node.left) or is_literal(node.right)
    if isinstance(node, ast.IfExp):
        return is_literal(node.body) or is_literal(node.orelse)
    return isinstance(node, ast.JoinedStr)


def is_message(node: ast.expr) -> bool:
    """English words of another error, which would lose their Chinese: `error.message`."""
    return isinstance(node, ast.Attribute) and node.attr == "message"


def made(source: str, names: frozenset[str]) -> Iterator[int]:
    """Lines at which an error of ours, or of a type that only a variable names, is given bare words."""
    tree = ast.parse(source)
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} | {"refusal"}
    raised = {id(node.exc) for node in ast.walk(tree) if isinstance(node, ast.Raise)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        ours = name in names
        # `kind(...)`, `otherwise(...)`: a type held in a variable.
        unknown = (
            id(node) in raised
            and isinstance(node.func, ast.Name)
            and name.islower()
            and name not in functions
        )
        if not (ours or unknown) or hasattr(builtins, name):
            continue
        words = [*node.args[:1], *(each.value for each in node.keywords if each.arg in ("message", "hint"))]
        if any(is_literal(each) or is_message(each) for each in words):
            yield node.lineno


def worded(source: str) -> Iterator[int]:
    """Lines at which an argument of `refusal` is a piece of English prose."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "refusal":
            pieces = [piece for given in node.keywords for piece in texts(given.value)]
            if any(re.search(r"[a-z]{2,} [a-z]{2,}", piece) for piece in pieces):
                yield node.lineno


def texts(node: ast.expr) -> list[str]:
    """What is written out in a literal."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return [str(part.value) for part in parts if isinstance(part, ast.Constant)]


def allowed(path: str) -> bool:
    return any(path == each or (each.endswith("/") and path.startswith(each)) for each in ALLOWED)


def test_no_error_outside_the_allow_list_has_english_words_only() -> None:
    names = kinds()
    assert len(names) > 50
    found = [
        f"{path.relative_to(SOURCES)}:{line}"
        for path in sorted(SOURCES.rglob("*.py"))
        if not allowed(path.relative_to(SOURCES).as_posix())
        for line in made(path.read_text("utf-8"), names)
    ]
    assert found == [], "make these with huiyan.messages.refusal"


def test_no_argument_of_a_sentence_is_english_prose() -> None:
    found = [
        f"{path.relative_to(SOURCES)}:{line}"
        for path in sorted(SOURCES.rglob("*.py"))
        for line in worded(path.read_text("utf-8"))
    ]
    assert found == [], "give it a sentence of its own: reason=Text(...)"
    assert list(worded('refusal(StoreError, "store.io", path=path, reason=f"{n} is no file")')) == [1]
    assert list(worded('refusal(StoreError, "store.io", path=path, reason=Text("reason.no_file", {}))')) == []


@pytest.mark.parametrize("path", ALLOWED)
def test_what_is_allowed_is_still_needed(path: str) -> None:
    sources = SOURCES.joinpath(path).rglob("*.py") if path.endswith("/") else [SOURCES / path]
    assert any(True for source in sources for _ in made(source.read_text("utf-8"), kinds()))


@pytest.mark.parametrize(
    "source",
    [
        'raise StoreError("It broke.")',
        'raise StoreError(f"{path} broke.", hint="mend it")',
        'raise errors.StoreError(text, hint="mend it")',
        'error = StoreError("It " + "broke.")',
        'raise StoreError("It broke." if bad else other)',
        "raise StoreError(error.message)",
        'raise kind(f"{path} broke.")',
    ],
)
def test_bare_words_are_found(source: str) -> None:
    assert list(made(source, kinds())) == [1]


@pytest.mark.parametrize(
    "source",
    [
        'raise refusal(StoreError, "store.io", path=path)',
        'raise ValueError("not for people")',
        "raise error",
        "raise StoreError(text, hint=hint)",
    ],
)
def test_what_is_no_bare_word_is_let_be(source: str) -> None:
    assert list(made(source, kinds())) == []


def test_every_default_hint_is_there_in_both_languages() -> None:
    owners = [
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, HuiyanError) and vars(found).get("default_hint")
    ]
    assert len(owners) > 20
    for owner in owners:
        _, english = CATALOGUE[f"default_hint.{owner.code}"]
        assert english.format() == owner.default_hint
    codes = {f"default_hint.{owner.code}" for owner in owners}
    assert {key for key in CATALOGUE if key.startswith("default_hint.")} == codes
