"""`start`, `stop`, `status`: the ordinary course, signals, and ports."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.installation import Huiyan
from tests.support.keyed_answer import read_answer
from tests.support.refusals import INTERRUPTED, REFUSED, assert_refused, error_of, start_and_fail
from tests.support.wait import wait_until


def test_start_status_stop(fresh: Huiyan) -> None:
    fresh.start()
    info = fresh.info()
    assert info["url"] == fresh.url
    assert (fresh.data_dir / "run" / "launcher.json").stat().st_mode & 0o777 == 0o600
    assert Path(info["socket"]).stat().st_mode & 0o777 == 0o600
    status = fresh.run("status", "--json", "--data-dir", str(fresh.data_dir))
    assert status.returncode == 0, status.said
    assert str(fresh.port) in status.stdout
    stopped = fresh.stop()
    assert stopped.returncode == 0, stopped.said
    assert fresh.launcher is not None
    assert fresh.launcher.returncode == 0, fresh.output
    fresh.wait_nothing_left()
    assert not (fresh.data_dir / "run" / "launcher.json").exists()
    assert not Path(info["socket"]).exists()
    assert fresh.health() is None


def test_output_is_json_lines_from_the_first_step_to_the_end(fresh: Huiyan) -> None:
    fresh.start()
    wait_until(lambda: fresh.has_said("ready"), "ready", 60)
    fresh.stop()
    ready = [line for line in fresh.events() if line["event"] == "ready"]
    assert [line["url"] for line in ready] == [fresh.url]
    assert fresh.events()[-1]["event"] == "stopped"


def test_page_is_served_before_the_engine_is_ready(fresh: Huiyan) -> None:
    """The events say so: `serving` comes before `ready`."""
    fresh.start()
    wait_until(lambda: fresh.has_said("ready"), "ready", 60)
    events = [line["event"] for line in fresh.events()]
    assert events.index("serving") < events.index("ready")


def test_status_and_stop_without_a_launcher(fresh: Huiyan) -> None:
    """`status` refuses and says how to start; `stop` has nothing to do, which is fine for scripts."""
    finished = fresh.run("status", "--json", "--data-dir", str(fresh.data_dir))
    assert_refused(finished)
    assert "huiyan start" in error_of(finished)["hint"]
    stopped = fresh.run("stop", "--json", "--data-dir", str(fresh.data_dir))
    assert stopped.returncode == 0, stopped.said
    assert stopped.json() == {"stopped": False}


def test_second_start_on_the_same_data_names_the_first(fresh: Huiyan) -> None:
    fresh.start()
    finished = fresh.run("start", "--no-browser", "--json", "--data-dir", str(fresh.data_dir))
    assert_refused(finished, str(fresh.info()["pid"]))
    assert fresh.health() == "ok", "the first one does not care"


def test_two_users_side_by_side(fresh: Huiyan, tmp_path: Path) -> None:
    other = Huiyan(tmp_path / "other")
    try:
        fresh.start()
        other.start()
        assert fresh.health() == other.health() == "ok"
        assert fresh.stop().returncode == 0
        assert other.health() == "ok"
    finally:
        other.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_everything(fresh: Huiyan, number: signal.Signals) -> None:
    """Ctrl-C and a service manager's TERM leave nothing running."""
    fresh.start()
    assert fresh.launcher is not None
    fresh.launcher.send_signal(number)
    fresh.launcher.wait(20)
    fresh.wait_nothing_left()
    assert not (fresh.data_dir / "run" / "launcher.json").exists()


@pytest.mark.parametrize("moment", ["machine.looking", "ports.looking", "model.verifying", "state.loading"])
def test_ctrl_c_during_the_start_leaves_nothing(fresh: Huiyan, moment: str) -> None:
    """Interrupted and safe to rerun, at whatever step."""
    fresh.start(wait=False)
    assert fresh.launcher is not None
    wait_until(lambda: any(line.get("code") == moment for line in fresh.events()), moment, 20)
    fresh.launcher.send_signal(signal.SIGINT)
    fresh.launcher.wait(20)
    assert "Traceback" not in fresh.output, fresh.output
    assert fresh.launcher.returncode in {0, INTERRUPTED}, fresh.output
    fresh.wait_nothing_left()
    fresh.start()
    assert fresh.health() == "ok"


def test_start_after_a_killed_launcher_is_clean(fresh: Huiyan) -> None:
    """Stale files of a dead launcher: no false 'already running', the same ports at once."""
    fresh.start()
    fresh.kill("launcher")
    fresh.wait_nothing_left()
    status = fresh.run("status", "--json", "--data-dir", str(fresh.data_dir))
    assert status.returncode == REFUSED, "launcher.json lies there, but nobody is alive"
    fresh.start()
    assert fresh.health() == "ok"


def _ask(huiyan: Huiyan) -> None:
    """One answer, over a connection that the gateway keeps to the engine."""
    assert read_answer(huiyan.port, "k").done


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_same_ports_are_free_again_at_once(fresh: Huiyan, end: str) -> None:
    """Connections that the engine closed linger in the kernel for a minute; they must not block a start."""
    fresh.start()
    _ask(fresh)
    if end == "kill":
        fresh.kill("launcher")
    else:
        # The engine closes the connection that the gateway kept to it after 5 s without a request.
        engine = psutil.Process(fresh.pid_of("engine"))
        wait_until(
            lambda: all(c.status != psutil.CONN_ESTABLISHED for c in engine.net_connections("tcp")),
            "the engine has closed its idle connections",
            20,
        )
        assert fresh.stop().returncode == 0
    fresh.wait_nothing_left()
    fresh.start()
    assert fresh.report()["engine_port"] == fresh.engine_port


@contextlib.contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", port)) as server:
        yield server


@pytest.mark.parametrize("which", ["--port", "--engine-port"])
def test_busy_port_that_was_asked_for_is_refused(fresh: Huiyan, which: str) -> None:
    busy = fresh.port if which == "--port" else fresh.engine_port
    with listening(busy) as other:
        finished = start_and_fail(fresh)
        assert_refused(finished, str(busy), which)
        with socket.create_connection(other.getsockname(), timeout=5):
            pass  # somebody else's process was not touched


def test_busy_default_ports_move_to_the_next_free_ones_and_say_so(fresh: Huiyan) -> None:
    """Nothing was asked for by name: 8000 and 3001 are taken, so others are used, said out loud."""
    fresh.names_ports = False
    with contextlib.ExitStack() as stack:
        for port in (8000, 3001):
            with contextlib.suppress(OSError):  # taken already, which is as good
                stack.enter_context(listening(port))
        fresh.start(wait=False)
        wait_until(lambda: fresh.has_said("ready"), "ready", 60)
        report = fresh.report()
        fresh.port = int(fresh.info()["url"].rpartition(":")[2])
        assert fresh.port > 8000
        assert report["engine_port"] > 3001
        notes = [line["message"] for line in fresh.events() if line["event"] == "note"]
        assert any("8000" in note and str(fresh.port) in note for note in notes)
        assert any("3001" in note and str(report["engine_port"]) in note for note in notes)
        assert fresh.health() == "ok"
        assert fresh.stop().returncode == 0


def test_address_that_is_not_this_machines_is_refused(fresh: Huiyan) -> None:
    """203.0.113.0/24 is nobody's (RFC 5737)."""
    assert_refused(start_and_fail(fresh, "--host", "203.0.113.7"), "203.0.113.7", "--host 0.0.0.0")
