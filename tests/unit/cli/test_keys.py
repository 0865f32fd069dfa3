"""`huiyan keys` and `huiyan usage` as processes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from huiyan.cli.durations import seconds_of
from huiyan.errors import SettingsError
from huiyan.state.database import Database
from huiyan.state.records import Counts, UsageRow
from tests.unit.cli.conftest import Run


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30m", 1800), ("12h", 43_200), ("30d", 2_592_000), ("1Y", 31_536_000), ("2w ", 1_209_600)],
)
def test_lifetimes(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0d", "-1d", "1", "d", "1.5h", "1mo", "9999999d"])
def test_what_is_no_lifetime(text: str) -> None:
    with pytest.raises(SettingsError):
        seconds_of(text)


@pytest.mark.slow
def test_create_list_revoke(huiyan: Run, tmp_path: Path) -> None:
    made = huiyan("keys", "create", "[bold]店铺", "--expires", "1d", "--streams", "3")
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    assert secret.startswith("hy-")
    assert "cannot be shown again" in made.stderr
    assert secret not in made.stderr
    key_id = secret.split("-")[1]

    shown = huiyan("keys", "list", "--lang", "zh").stdout
    assert "[bold]店铺" in shown
    assert "可用" in shown
    listed = huiyan("keys", "list", "--json").stdout
    assert secret not in shown + listed
    (key,) = json.loads(listed)["keys"]
    assert (key["id"], key["scopes"], key["streams"]) == (key_id, ["chat"], 3)
    assert key["ending"] == secret[-4:]

    database = Database(tmp_path / "data" / "state")
    (kept,) = database.snapshot().keys
    assert kept.digest == database.secret.key_digest(secret.encode())
    day = time.strftime("%Y-%m-%d", time.gmtime())
    counts = Counts(requests=3, prompt_tokens=1200, received_bytes=5 * 2**20)
    database.add_usage([UsageRow(key_id=key_id, day=day, counts=counts)])
    database.close()

    table = huiyan("usage", COLUMNS="200").stdout
    assert "[bold]店铺" in table
    assert "1,200" in table
    assert "5.0 MiB" in table
    report = json.loads(huiyan("usage", "--json", "--days", "1").stdout)
    assert report["since_day"] <= day
    assert report["usage"][0]["prompt_tokens"] == 1200
    assert json.loads(huiyan("usage", "--json", "--key", "nosuch").stdout)["usage"] == []

    assert huiyan("keys", "revoke", key_id).returncode == 0
    assert "There are no keys" in huiyan("keys", "list").stdout
    assert json.loads(huiyan("keys", "list", "--all", "--json").stdout)["keys"][0]["state"] == "revoked"


@pytest.mark.slow
def test_refusals(huiyan: Run, tmp_path: Path) -> None:
    unknown = huiyan("keys", "revoke", "nosuch", "--lang", "zh")
    assert unknown.returncode == 1
    assert "没有编号为 nosuch 的密钥" in unknown.stderr
    assert huiyan("keys", "create", "x", "--scope", "god").returncode == 2
    assert huiyan("keys", "create", "x", "--expires", "soon").returncode == 2
    (tmp_path / "data" / "state" / "huiyan.db").write_bytes(b"no database" * 1000)
    broken = huiyan("keys", "list", "--json")
    assert broken.returncode == 3
    assert json.loads(broken.stdout)["error"]["code"] == "store_error"
    wrong = huiyan("usage", "--json", HUIYAN_GATEWAY__ACCESS__DATABASE_URL="mysql://u:hunter2@h/d")
    assert wrong.returncode == 2
    assert "hunter2" not in wrong.stdout + wrong.stderr
    misspelt = huiyan("usage", "--json", HUIYAN_GATEWAY__ACCESS__DATABSE_URL="x")
    assert "HUIYAN_GATEWAY__ACCESS__DATABASE_URL" in misspelt.stdout
