"""Connections and transactions, the same on both databases; addresses, and what is said of them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from huiyan.errors import SettingsError, StoreError
from huiyan.state.connect import connect
from huiyan.state.migrations import migrate
from huiyan.state.pool import Pool
from huiyan.state.schema import META


@pytest.fixture
def pool(url: str | None, tmp_path: Path) -> Pool:
    opened, file = connect(url, tmp_path / "huiyan.db")
    migrate(opened, file=file)
    return opened


def names(pool: Pool) -> list[str]:
    with pool.transaction() as connection:
        return [row["name"] for row in connection.rows("SELECT name FROM meta WHERE name = ?", ("x_",))]


def test_a_block_that_raises_leaves_nothing_and_the_next_one_works(pool: Pool) -> None:

    def half() -> None:
        with pool.transaction(writes=True) as connection:
            connection.run(META.insert(), ("x_", "1"))
            raise KeyError("on purpose")

    with pytest.raises(KeyError):
        half()
    assert names(pool) == []
    with pool.transaction(writes=True) as connection:
        connection.run(META.insert(), ("x_", "1"))
    assert names(pool) == ["x_"]
    pool.close()


def test_a_refused_statement_is_a_store_error_without_its_values(pool: Pool) -> None:
    with pytest.raises(StoreError) as caught, pool.transaction(writes=True) as connection:
        connection.run("INSERT INTO nowhere (name) VALUES (?)", ("very-secret",))
    assert "very-secret" not in caught.value.message + caught.value.hint
    assert pool.shown in caught.value.message
    with pytest.raises(StoreError), pool.transaction(writes=True) as connection:
        connection.run_many(META.insert(), [("x_", "1"), ("x_", "2")])
    assert names(pool) == []
    pool.close()


def test_a_snapshot_is_of_one_moment(pool: Pool) -> None:
    with pool.transaction(snapshot=True) as reader:
        before = reader.value("SELECT count(*) FROM meta")
        with pool.transaction(writes=True) as writer:
            writer.run(META.insert(), ("x_", "1"))
        assert reader.value("SELECT count(*) FROM meta") == before
    assert names(pool) == ["x_"]
    pool.close()


def test_more_threads_than_connections_wait_for_each_other(pool: Pool) -> None:
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                with pool.transaction(writes=True) as connection:
                    connection.run(META.insert(), (f"t{number}/{turn}", "1"))
        except Exception as error:  # noqa: BLE001  # shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with pool.transaction() as connection:
        assert connection.value("SELECT count(*) FROM meta WHERE name LIKE ?", ("t%",)) == 60
    pool.close()


def test_a_server_that_was_restarted_is_connected_to_again(pool: Pool) -> None:
    if pool.dialect == "sqlite":
        pool.close()
        return
    with pool.transaction() as one, pool.transaction() as other:
        ends = [connection.value("SELECT pg_backend_pid()") for connection in (one, other)]
    killer, _ = connect(pool_url(pool), Path("/nonexistent"))
    with killer.transaction() as connection:
        for pid in ends:
            assert connection.value("SELECT pg_terminate_backend(?)", (pid,))
    killer.close()
    assert names(pool) == []
    pool.close()


def pool_url(pool: Pool) -> str:
    with pool.transaction() as connection:
        name = connection.value("SELECT current_database()")
        where = connection.value("SELECT current_setting('unix_socket_directories')")
    return f"postgresql+psycopg://huiyan@/{name}?host={where}"


@pytest.mark.parametrize(
    "url",
    ["mysql://a:hunter2@b/c", "nothing", "postgresql+asyncpg://a:hunter2@b/c", "postgresql://a:hun%ter2@b/c"],
)
def test_what_is_no_address_is_refused_without_quoting_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        connect(url, tmp_path / "huiyan.db")
    assert "hun" not in caught.value.message + caught.value.hint


def test_addresses_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    default = tmp_path / "huiyan.db"
    for url, wanted in (
        (f"sqlite:///{tmp_path}/other.db", tmp_path / "other.db"),
        ("sqlite:///here.db", Path("here.db")),
        ("sqlite://", default),
        (None, default),
    ):
        pool, file = connect(url, default)
        assert file == wanted
        assert wanted.stat().st_mode & 0o777 == 0o600
        pool.close()


def test_the_password_is_not_shown() -> None:
    pool, _ = connect("postgresql://me:hunter2@db:5433/shop?sslpassword=hunter3", Path("/nonexistent"))
    assert pool.shown == "postgresql://me:***@db:5433/shop"
