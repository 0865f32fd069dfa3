"""huiyan.settings: which source wins, and that nothing misspelt passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.errors import SettingsError
from huiyan.settings.environment import can_open_browser, child_environment, proxies, system_language
from huiyan.settings.load import load, variable_names
from huiyan.settings.model import Settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("HUIYAN_"):
            monkeypatch.delenv(name)


def test_defaults(tmp_path: Path) -> None:
    settings = load({"data_dir": tmp_path})
    assert (settings.gateway.port, settings.engine.port) == (8000, 3001)
    assert not settings.explicit("gateway", "port")
    assert settings.data_dir == tmp_path


def test_flags_beat_environment_beats_file_beats_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "huiyan.toml").write_text(
        "lang = 'zh'\n[gateway]\nport = 1\nmax_images = 3\n[engine]\nthreads = 2\nport = 5\n"
    )
    monkeypatch.setenv("HUIYAN_GATEWAY__PORT", "2")
    monkeypatch.setenv("HUIYAN_ENGINE__THREADS", "3")
    settings = load({"data_dir": tmp_path, "gateway": {"port": 4}})
    assert settings.gateway.port == 4
    assert settings.gateway.max_images == 3
    assert settings.engine.threads == 3
    assert settings.engine.port == 5
    assert settings.lang == "zh"
    assert settings.explicit("gateway", "port")
    assert settings.explicit("engine", "port")
    assert not settings.explicit("gateway", "host")


def test_a_port_in_the_environment_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYAN_GATEWAY__PORT", "8000")
    assert load({"data_dir": tmp_path}).explicit("gateway", "port")


def test_the_data_directory_comes_from_flag_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIYAN_DATA_DIR", str(tmp_path / "env"))
    assert load({}).data_dir == tmp_path / "env"
    assert load({"data_dir": tmp_path / "flag"}).data_dir == tmp_path / "flag"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("HUIYAN_GATEWEY__PORT", "HUIYAN_GATEWAY__PORT"),
        ("HUIYAN_GATEWAY__PROT", "HUIYAN_GATEWAY__PORT"),
        ("HUIYAN_PORT", "HUIYAN_GATEWAY__PORT"),
        ("HUIYAN_DATADIR", "HUIYAN_DATA_DIR"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, nearest: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=name) as caught:
        load({"data_dir": tmp_path})
    if name != "HUIYAN_PORT":
        assert nearest in caught.value.hint


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[gateway]\nprot = 1\n", "gateway.port"),
        ("[gatewey]\nport = 1\n", "gateway"),
        ("langg = 'zh'\n", "lang"),
    ],
)
def test_an_unknown_key_in_the_file_is_refused_with_the_nearest_name(
    tmp_path: Path, text: str, named: str
) -> None:
    (tmp_path / "huiyan.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load({"data_dir": tmp_path})
    assert str(tmp_path / "huiyan.toml") in caught.value.message
    assert named in caught.value.hint


@pytest.mark.parametrize(
    ("flags", "environment", "text", "where"),
    [
        ({"gateway": {"port": 99999}}, {}, "", "--port"),
        ({}, {"HUIYAN_GATEWAY__PORT": "many"}, "", "HUIYAN_GATEWAY__PORT"),
        ({}, {}, "[engine]\nthreads = 0\n", "huiyan.toml"),
        ({"gateway": {"tls": {"cert": "a.pem", "key": None}}}, {}, "", "--tls-cert"),
        (
            {"gateway": {"tls": {"cert": "a", "key": "b", "self_signed": True}}},
            {},
            "",
            "--tls-cert, --tls-key, --tls-self-signed",
        ),
        ({}, {}, "[gateway.tls]\ncert = 'a.pem'\n", "huiyan.toml"),
    ],
)
def test_an_impossible_value_is_refused_naming_its_source(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: dict[str, object],
    environment: dict[str, str],
    text: str,
    where: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "huiyan.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load({**flags, "data_dir": tmp_path})
    assert where in caught.value.hint


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "huiyan.toml").write_text("[gateway\n")
    with pytest.raises(SettingsError, match=r"huiyan\.toml"):
        load({"data_dir": tmp_path})


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"other\.toml"):
        load({"data_dir": tmp_path}, config=tmp_path / "other.toml")


def test_a_named_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[engine]\nslots = 2\n")
    assert load({"data_dir": tmp_path}, config=tmp_path / "other.toml").engine.slots == 2


def test_the_data_directory_cannot_stand_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "huiyan.toml").write_text("data_dir = '/elsewhere'\n")
    with pytest.raises(SettingsError, match="data_dir"):
        load({"data_dir": tmp_path})


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = load({"data_dir": tmp_path})
    with pytest.raises(ValueError, match="frozen"):
        settings.gateway.port = 1


def test_every_setting_has_a_description() -> None:
    for name, field in Settings.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        for inner_name, inner_field in (inner or {name: field}).items():
            assert inner_field.description, f"{name}.{inner_name}"
    assert "HUIYAN_LAUNCHER__TIMEOUT_S" in variable_names()


def test_children_get_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HUIYAN_GATEWAY__PORT", "1")
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    environment = child_environment({"GGML_NO_BACKTRACE": "1"})
    assert "hf_secret" not in environment.values()
    assert not [name for name in environment if name.startswith("HUIYAN_")]
    assert environment["LANG"] == "zh_CN.UTF-8"
    assert environment["GGML_NO_BACKTRACE"] == "1"


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW.UTF-8"}, "zh"),
        ({}, "en"),
    ],
)
def test_the_language_follows_the_locale(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert system_language() == language


def test_no_browser_is_opened_over_ssh_or_without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSH_CONNECTION", "CI", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert not can_open_browser()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("SSH_CONNECTION", "1.2.3.4")
    assert not can_open_browser()


def test_the_hub_has_a_short_name_below_the_long_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "huiyan.toml").write_text('[models]\nhub = "file:///srv/models"\n')
    assert load({"data_dir": tmp_path}).models.hub == "file:///srv/models"
    monkeypatch.setenv("HUIYAN_HUB", "huggingface")
    assert load({"data_dir": tmp_path}).models.hub == "huggingface"
    monkeypatch.setenv("HUIYAN_MODELS__HUB", "https://mirror.example")
    assert load({"data_dir": tmp_path}).models.hub == "https://mirror.example"
    assert load({"data_dir": tmp_path, "models": {"hub": "modelscope"}}).models.hub == "modelscope"


def test_proxies_are_read_where_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "mirror.lan")
    found = proxies()
    assert (found.https, found.http, found.no_proxy) == ("http://proxy.example:3128", "", "mirror.lan")
