"""huiyan.deploy.unit: the text that systemd reads, word for word."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from huiyan.deploy import unit


def parsed(service: unit.Service) -> dict[str, dict[str, list[str]]]:
    """section → key → values. A unit's syntax is that of an ini file whose keys repeat."""
    sections: dict[str, dict[str, list[str]]] = {}
    current: dict[str, list[str]] = {}
    for line in unit.render(service).splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), {})
        elif line:
            key, mark, value = line.partition("=")
            assert mark, line
            current.setdefault(key, []).append(value)
    return sections


def test_it_is_an_ini_file_and_says_when_it_is_ready() -> None:
    text = unit.render(unit.Service(command=["/bin/true"]))
    configparser.ConfigParser(strict=False, interpolation=None).read_string(text)
    service = parsed(unit.Service(command=["/bin/true"]))["Service"]
    assert service["Type"] == ["notify"]
    assert service["NotifyAccess"] == ["main"]
    assert int(service["WatchdogSec"][0]) > 0
    assert service["RestartPreventExitStatus"] == ["2 3"]


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("plain", "plain"),
        ("/models/a b", '"/models/a b"'),
        ("100%", "100%%"),
        ("$HOME", "$$HOME"),
        ('say "no"', '"say \\"no\\""'),
        ("C:\\x", '"C:\\\\x"'),
        ("", '""'),
        (";", '";"'),
        (unit.credential("admin-key"), "%d/admin-key"),
        (unit.STATE_DIRECTORY, "%S/huiyan"),
    ],
)
def test_words_mean_themselves(word: str, written: str) -> None:
    service = parsed(unit.Service(command=["/bin/echo", word]))["Service"]
    assert service["ExecStart"] == [f"/bin/echo {written}"]


def test_a_dollar_in_a_variable_stays_one() -> None:
    service = parsed(unit.Service(command=["/bin/true"], environment={"A": "$x 5%"}))["Service"]
    assert service["Environment"] == ['"A=$x 5%%"']


@pytest.mark.parametrize("hostile", ["a\nExecStartPre=/bin/sh", "a\rb", "a\tb"])
def test_a_line_break_cannot_add_a_line(hostile: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        unit.render(unit.Service(command=["/bin/echo", hostile]))
    with pytest.raises(ValueError, match="control character"):
        unit.render(unit.Service(command=["/bin/true"], environment={"A": hostile}))
    with pytest.raises(ValueError, match="control character"):
        unit.render(unit.Service(command=["/bin/true"], credentials={"key": Path(hostile)}))


def test_a_system_unit_has_a_user_and_a_place_of_its_own() -> None:
    service = parsed(unit.Service(command=["/bin/true"]))["Service"]
    for key, value in {
        "NoNewPrivileges": "yes",
        "DynamicUser": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "StateDirectory": "huiyan",
        "CapabilityBoundingSet": "",
        "PrivateDevices": "yes",
    }.items():
        assert service[key] == [value]


def test_a_low_port_gives_one_capability_and_no_more() -> None:
    service = parsed(unit.Service(command=["/bin/true"], low_port=True))["Service"]
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == ["CAP_NET_BIND_SERVICE"]


def test_a_card_is_reached_and_no_other_device() -> None:
    service = parsed(unit.Service(command=["/bin/true"], gpu=True))["Service"]
    assert "PrivateDevices" not in service
    assert service["DevicePolicy"] == ["closed"]
    assert service["DeviceAllow"] == ["char-nvidia* rw"]


def test_a_users_unit_asks_for_nothing_that_needs_root() -> None:
    sections = parsed(unit.Service(command=["/bin/true"], system=False))
    assert sections["Install"]["WantedBy"] == ["default.target"]
    assert "After" not in sections["Unit"]
    assert not {"DynamicUser", "ProtectSystem", "StateDirectory"} & set(sections["Service"])
    assert sections["Service"]["NoNewPrivileges"] == ["yes"]
