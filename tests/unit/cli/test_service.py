"""`huiyan service`: the unit that is planned, and a start that tells a service manager about itself."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from huiyan.cli.service_plan import Wish, plan
from huiyan.deploy import unit
from huiyan.errors import SettingsError
from huiyan.settings.load import load
from tests.support.wait import wait_until
from tests.unit.cli.conftest import Run

OPT = Path("/opt/huiyan/bin/python")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HUIYAN_"):
            monkeypatch.delenv(name)


def wish(**given: object) -> Wish:
    values: dict[str, object] = {
        "system": True,
        "gateway_only": False,
        "data_dir": None,
        "config": None,
        "admin_key_file": None,
        "python": OPT,
    }
    return Wish(**{**values, **given})  # type: ignore[arg-type]  # the test's own names


def planned(tmp_path: Path, flags: dict[str, object] | None = None, **given: object) -> unit.Service:
    return plan(load({"data_dir": tmp_path, **(flags or {})}), wish(**given))


def secret(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    path.write_text("x" * 40, "utf-8")
    return path


def test_a_system_service_keeps_its_state_where_systemd_makes_it(tmp_path: Path) -> None:
    service = planned(tmp_path)
    command = list(service.command)
    assert command[:4] == [str(OPT), "-m", "huiyan", "start"]
    assert command[command.index("--data-dir") + 1] == unit.STATE_DIRECTORY
    assert "--no-browser" in command
    assert service.environment["HOME"] == unit.STATE_DIRECTORY
    assert service.credentials == {}


def test_a_users_service_means_this_users_data(tmp_path: Path) -> None:
    service = planned(tmp_path, system=False, python=Path.home() / "venv" / "bin" / "python")
    command = list(service.command)
    assert command[command.index("--data-dir") + 1] == str(tmp_path)
    assert "HOME" not in service.environment


def test_secrets_are_credentials_and_stand_nowhere_else(tmp_path: Path) -> None:
    key, certificate = secret(tmp_path, "key.pem"), secret(tmp_path, "cert.pem")
    admin, config = secret(tmp_path, "admin"), tmp_path / "huiyan.toml"
    config.write_text('[gateway.access]\ndatabase_url = "postgresql://u:geheim@db/x"\n', "utf-8")
    flags: dict[str, object] = {"gateway": {"host": "0.0.0.0", "tls": {"cert": certificate, "key": key}}}
    service = plan(
        load({"data_dir": tmp_path, **flags}, config=config), wish(config=config, admin_key_file=admin)
    )
    assert service.credentials == {
        "admin-key": admin,
        "huiyan.toml": config,
        "tls.crt": certificate,
        "tls.key": key,
    }
    text = unit.render(service)
    assert "geheim" not in text
    assert "Environment=HUIYAN_GATEWAY__ACCESS__ADMIN_KEY_FILE=%d/admin-key\n" in text
    assert "--tls-key %d/tls.key" in text
    assert "--config %d/huiyan.toml" in text


def test_systemd_waits_longer_than_the_launcher(tmp_path: Path) -> None:
    service = planned(tmp_path, {"launcher": {"timeout_s": 1800, "drain_timeout_s": 20}})
    text = unit.render(service)
    assert "TimeoutStartSec=1860\n" in text
    assert "TimeoutStopSec=50\n" in text


def test_a_key_must_not_end_in_the_journal(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="administrator's key") as caught:
        planned(tmp_path, {"gateway": {"host": "0.0.0.0"}})
    assert "--admin-key-file" in caught.value.hint


def test_a_gateway_alone_needs_engines(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="backends"):
        planned(tmp_path, gateway_only=True)
    backends = [{"name": "a", "url": "http://gpu-1:8000"}]
    service = planned(tmp_path, {"gateway": {"traffic": {"backends": backends}}}, gateway_only=True)
    assert service.command[3] == "serve"
    assert "--no-browser" not in service.command


@pytest.mark.parametrize(
    ("flags", "given", "words"),
    [
        ({}, {"python": Path("/home/ann/.venv/bin/python")}, "/home/ann"),
        ({"engine": {"model_path": "/root/models"}}, {}, "/root/models"),
        ({}, {"data_dir": Path("/srv/huiyan")}, "/var/lib/huiyan"),
    ],
)
def test_what_a_system_service_could_not_reach_is_refused(
    tmp_path: Path, flags: dict[str, object], given: dict[str, object], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        planned(tmp_path, flags, **given)


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no-such-key"):
        planned(tmp_path, admin_key_file=tmp_path / "no-such-key")


@pytest.mark.slow
def test_install_print_and_uninstall(huiyan: Run, environment: dict[str, str], tmp_path: Path) -> None:
    def service(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "huiyan", "service", *words],
            env={**environment, "XDG_CONFIG_HOME": str(tmp_path / "config")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    printed = service("install", "--user", "--print", "--port", "8123")
    assert printed.returncode == 0, printed.stderr
    assert "--port 8123" in printed.stdout
    written = service("install", "--user", "--only-files", "--port", "8123", "--json")
    path = Path(json.loads(written.stdout)["path"])
    assert path == tmp_path / "config" / "systemd" / "user" / "huiyan.service"
    assert path.read_text("utf-8").endswith(printed.stdout)
    assert json.loads(service("install", "--user", "--only-files", "--port", "8123", "--json").stdout) == {
        "path": str(path),
        "changed": False,
        "started": False,
    }
    path.write_text(path.read_text("utf-8") + "# mine\n", "utf-8")
    refused = service("uninstall", "--user", "--only-files", "--json")
    assert refused.returncode == 3
    assert json.loads(refused.stdout)["error"]["code"] == "not_ours"
    path.unlink()
    assert service("uninstall", "--user", "--only-files").returncode == 0


@pytest.mark.slow
def test_a_start_tells_the_manager_and_its_children_do_not(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(120)
        words = ["--no-browser", "--port", "0", "--engine-port", "0", "--json"]
        started = subprocess.Popen(
            [sys.executable, "-m", "huiyan", "start", *words, "--data-dir", str(tmp_path / "data")],
            env={**environment, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            seen: list[str] = []
            while not any(line == "READY=1" for line in seen):
                seen += manager.recv(65536).decode().splitlines()
            assert "WATCHDOG=1" in seen
            assert any(line.startswith("STATUS=engine: ") for line in seen)
            for child in Path("/proc").glob("[0-9]*/environ"):
                _has_no_manager(child, started.pid, str(tmp_path))
            started.send_signal(signal.SIGTERM)
            while "STOPPING=1" not in seen:
                seen += manager.recv(65536).decode().splitlines()
            assert started.wait(60) == 0
        finally:
            if started.poll() is None:
                started.kill()
            started.communicate()


def _has_no_manager(environ: Path, launcher: int, mark: str) -> None:
    """A child that wrote to the manager's socket would be taken for the service."""
    try:
        if int(environ.parent.name) == launcher:
            return
        parent = int((environ.parent / "stat").read_text("utf-8").rpartition(")")[2].split()[1])
        if parent != launcher:
            return
        # Between its fork and its exec a child is the launcher still, with all of the launcher's variables.
        words = Path(f"/proc/{launcher}/cmdline").read_bytes()
        wait_until(lambda: (environ.parent / "cmdline").read_bytes() != words, "the child's own program")
        variables = environ.read_bytes()
    except (OSError, ValueError):
        return
    assert b"NOTIFY_SOCKET=" + mark.encode() not in variables
