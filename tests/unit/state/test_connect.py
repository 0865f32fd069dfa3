"""A PostgreSQL that is gone without a word keeps nobody waiting for long; an address may say otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from huiyan.errors import StoreError
from huiyan.state.connect import connect


@pytest.mark.parametrize(
    ("query", "patience_ms"),
    [("", 5_000), ("?tcp_user_timeout=60000&application_name=huiyan", 60_000)],
)
def test_how_long_a_connection_may_answer_nothing(
    query: str, patience_ms: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    psycopg = pytest.importorskip("psycopg")
    from psycopg.conninfo import conninfo_to_dict

    asked: dict[str, Any] = {}

    def connected(address: str, **options: Any) -> None:
        asked.update({**options, **conninfo_to_dict(address)})
        raise psycopg.OperationalError("away")

    monkeypatch.setattr(psycopg, "connect", connected)
    pool, _ = connect(f"postgresql://huiyan:none@192.0.2.1/huiyan{query}", tmp_path / "unused")
    with pytest.raises(StoreError, match="away"), pool.transaction():
        pass
    assert int(asked["tcp_user_timeout"]) == patience_ms
    assert int(asked["keepalives_idle"]) < 60
    assert int(asked["connect_timeout"]) <= 10
