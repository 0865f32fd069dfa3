"""Certificate and first key, before a gateway serves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from huiyan.errors import SettingsError
from huiyan.launcher.events import Event, Reporter
from huiyan.launcher.exposure import open_to_others
from huiyan.settings.model import Settings


def test_on_loopback_nothing_is_made(make_settings: Callable[..., Settings]) -> None:
    events: list[Event] = []
    settings = make_settings()
    options, certificate = open_to_others(settings, Reporter(events.append), 8123)
    assert (events, certificate, options.port) == ([], None, 8123)
    assert list(settings.data_dir.iterdir()) == []


def test_for_others_a_key_is_made_once_and_plain_http_is_warned_of(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings(gateway={"host": "0.0.0.0"})
    events: list[Event] = []
    open_to_others(settings, Reporter(events.append), 8123)
    (first,) = [event for event in events if event.kind == "first_key"]
    assert first.key is not None
    assert first.key.startswith("hy-")
    assert first.text is not None
    assert first.key in first.text.render("zh")
    assert "hy-" not in repr(first)
    others = [event for event in events if event is not first]
    assert [event.text.key for event in others if event.text is not None][-1] == "gateway.plain"
    assert not any(event.secret or first.key in repr(event) for event in others)
    again: list[Event] = []
    open_to_others(settings, Reporter(again.append), 8123)
    assert not any(event.secret for event in again)


def test_with_tls_the_gateway_gets_files_and_the_person_a_fingerprint(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings(gateway={"tls": {"self_signed": True}})
    events: list[Event] = []
    options, certificate = open_to_others(settings, Reporter(events.append), 8123)
    assert certificate is not None
    assert options.tls == certificate.options
    assert options.tls.cert == settings.data_dir / "tls" / "huiyan.crt"
    said = " ".join(event.text.render("en") for event in events if event.text is not None)
    assert certificate.fingerprint in said
    assert "Without HTTPS" not in said


def test_a_broken_certificate_is_refused_before_a_key_is_made(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    (tmp_path / "c.pem").write_text("nothing")
    tls = {"cert": tmp_path / "c.pem", "key": tmp_path / "c.pem"}
    settings = make_settings(gateway={"host": "0.0.0.0", "tls": tls})
    events: list[Event] = []
    with pytest.raises(SettingsError) as caught:
        open_to_others(settings, Reporter(events.append), 8123)
    assert "BEGIN CERTIFICATE" in caught.value.hint
    assert events == []
    assert not (settings.data_dir / "state").exists()
