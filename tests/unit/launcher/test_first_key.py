"""The administrator's key of a first start that others can reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huiyan.launcher.first_key import first_key
from huiyan.settings.load import load
from huiyan.state.database import Database


def settings(tmp_path: Path, host: str, **access: Any) -> Any:
    return load({"data_dir": tmp_path, "gateway": {"host": host, "access": access}})


def test_none_on_loopback(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        assert first_key(settings(tmp_path, host)) is None
    assert not (tmp_path / "state").exists()


def test_shown_once(tmp_path: Path) -> None:
    text = first_key(settings(tmp_path, "0.0.0.0"))
    assert text is not None
    secret = text.args["secret"]
    assert secret in text.render("en")
    assert secret in text.render("zh")
    assert first_key(settings(tmp_path, "0.0.0.0")) is None
    database = Database(tmp_path / "state")
    (key,) = database.snapshot().keys
    assert key.digest == database.secret.key_digest(secret.encode())
    database.close()


def test_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "admin-key"
    path.write_text("correct-horse-battery-staple")
    assert first_key(settings(tmp_path, "0.0.0.0", admin_key_file=str(path))) is None
    database = Database(tmp_path / "state")
    (key,) = database.snapshot().keys
    assert key.origin == "file"
    database.close()
