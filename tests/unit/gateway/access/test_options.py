"""Settings of access: passwords stay out of sight, mistakes are refused early."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from huiyan.gateway.access.options import REVEAL, AccessOptions

DATABASE = "postgresql://huiyan:hunter2@db/huiyan"
LIMITS = "redis://:hunter3@cache:6379/0"


def options() -> AccessOptions:
    return AccessOptions.model_validate({"database_url": DATABASE, "limits_url": LIMITS})


def test_passwords_are_shown_nowhere_unless_asked_for() -> None:
    shown = f"{options()!r} {options()} {options().model_dump_json()} {options().model_dump()}"
    assert "hunter" not in shown


def test_a_child_is_told_them() -> None:
    sent = options().model_dump(mode="json", context=REVEAL)
    assert (sent["database_url"], sent["limits_url"]) == (DATABASE, LIMITS)
    assert AccessOptions.model_validate(sent) == options()
    nothing = AccessOptions.model_validate({}).model_dump(mode="json", context=REVEAL)
    assert AccessOptions.model_validate(nothing) == AccessOptions.model_validate({})


@pytest.mark.parametrize(
    "wrong",
    [
        {"database_url": "mysql://u:hunter2@h/d"},
        {"limits_url": "memcached://hunter2"},
        {"trusted_proxies": ["proxy.example"]},
        {"trusted_proxies": ["10.0.0.0/99"]},
        {"session_ttl_s": 1},
        {"databse_url": DATABASE},
    ],
)
def test_mistakes_are_refused_without_their_passwords(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        AccessOptions.model_validate(wrong)
    messages = [error["msg"] for error in caught.value.errors()]
    assert messages
    assert not any("hunter" in message for message in messages)
