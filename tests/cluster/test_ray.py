"""Two replicas of nano on a real Ray of this machine, and a gateway that follows them: kills, scaling.

Takes minutes, a gigabyte of memory and Ray's environment: `just cluster-test` (TEST_HUIYAN_CLUSTER=1).
TEST_HUIYAN_CLUSTER_FIGURES names a file that the figures are written to.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.cluster.streams import Outcome, run
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.web import request

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("TEST_HUIYAN_CLUSTER" not in os.environ, reason="just cluster-test"),
]

_COMMAND_S = 600.0
_STREAMS = 16


@dataclass
class Cluster:
    """data_dir: of the deployment. port: of the gateway. figures: what was measured, by name."""

    environment: dict[str, str]
    data_dir: Path
    port: int
    figures: dict[str, Any]

    def run(self, *words: str) -> dict[str, Any]:
        """A command of `huiyan cluster`, its answer, and how long it took."""
        began_s = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "huiyan", "cluster", *words, "--json", "--data-dir", str(self.data_dir)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return {**told, "took_s": round(time.monotonic() - began_s, 1)}

    def family(self, word: str) -> list[psutil.Process]:
        """Processes of this cluster's head with that word on their command line."""
        head = json.loads((self.data_dir / "cluster" / "local.json").read_text("utf-8"))["pid"]
        found = []
        for each in psutil.Process(head).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any(word in part for part in each.cmdline()):
                    found.append(each)
        return found

    def wait_usable(self, count: int) -> None:
        def are_there() -> bool:
            told = json.loads(request(self.port, "GET", "/health").body)["components"].get("backends", [])
            return bool(len(told) == count == sum(each["engine"]["state"] == "ready" for each in told))

        wait_until(are_there, f"{count} engines are ready at the gateway", 240.0)

    def measure(self, name: str, act: Callable[[], None], **more: int) -> Outcome:
        outcome = run(self.port, act, streams=_STREAMS, **more)
        self.figures[name] = outcome.to_json()
        return outcome


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Ray's environment from its lock, a head of our own, two replicas with ten slots each, a gateway."""
    data_dir = tmp_path_factory.mktemp("cluster")
    given = {
        "HUIYAN_ENGINE__SLOTS": "10",
        "HUIYAN_ENGINE__THREADS": "1",
        "HUIYAN_CLUSTER__HTTP_PORT": str(free_port()),
        "HUIYAN_CLUSTER__CPUS_PER_REPLICA": "0.5",
        "HUIYAN_CLUSTER__LOCAL_CPUS": "2",
    }
    # A variable of the tests is no setting, and is refused as one.
    own = {name: value for name, value in os.environ.items() if not name.startswith("HUIYAN_")}
    environment = {**own, **given}
    installing = [sys.executable, "-m", "huiyan", "engines", "install", "ray", "--data-dir", str(data_dir)]
    began_s = time.monotonic()
    subprocess.run(installing, env=environment, check=True, timeout=_COMMAND_S)
    one = Cluster(environment, data_dir, free_port(), {"install_s": round(time.monotonic() - began_s, 1)})
    gateway: subprocess.Popen[bytes] | None = None
    try:
        up = one.run("up", "--replicas", "2")
        assert up["engines"]["running"] == 2
        one.figures["up_s"] = up["took_s"]
        gateway = subprocess.Popen(
            [
                *(sys.executable, "-m", "huiyan", "serve", "--port", str(one.port)),
                *("--data-dir", str(data_dir), "--replicas-url", up["replicas_url"]),
                *("--replicas-secret-file", up["secret_file"]),
            ],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: _answers(one.port), "the gateway answers", 60.0)
        one.wait_usable(2)
        yield one
    finally:
        if gateway is not None:
            gateway.send_signal(signal.SIGTERM)
            gateway.wait(60)
        down = one.run("down")
        one.figures["down_s"] = down["took_s"]
        if where := os.environ.get("TEST_HUIYAN_CLUSTER_FIGURES"):
            Path(where).write_text(json.dumps(one.figures, indent=2) + "\n")
        assert down["head_ended"]


def _answers(port: int) -> bool:
    try:
        return request(port, "GET", "/health/live").status == 200
    except OSError:
        return False


def test_undisturbed_all_streams_are_whole(cluster: Cluster) -> None:
    outcome = cluster.measure("nothing", lambda: None)
    assert (outcome.whole, outcome.newcomers_failed) == (_STREAMS, 0)


@pytest.mark.parametrize(
    ("name", "word"),
    [("an engine", "huiyan.engines.llama_cpp_child"), ("a replica", "ray::ServeReplica:huiyan-engines")],
)
def test_a_kill_takes_the_streams_of_one_replica_alone_and_it_comes_back(
    cluster: Cluster, name: str, word: str
) -> None:
    cluster.wait_usable(2)
    doomed = cluster.family(word)
    assert len(doomed) == 2
    outcome = cluster.measure(f"{name} killed", doomed[0].kill)
    # The other replica has room for all of them, so no newcomer may fail, and no more than one's share.
    assert 0 < outcome.broken <= 10
    assert outcome.whole == _STREAMS - outcome.broken
    assert (outcome.refused, outcome.newcomers_failed) == (0, 0)
    began_s = time.monotonic()
    wait_until(lambda: len(cluster.family(word)) == 2, "there are two again", 240.0)
    cluster.wait_usable(2)
    cluster.figures[f"{name} killed"]["two_again_after_streams_s"] = round(time.monotonic() - began_s, 1)


def test_scaling_breaks_no_stream(cluster: Cluster) -> None:
    cluster.wait_usable(2)
    told: list[dict[str, Any]] = []
    down = cluster.measure(
        "scaled from 2 to 1", lambda: told.append(cluster.run("scale", "1")), max_tokens=800
    )
    assert (down.whole, down.newcomers_failed) == (_STREAMS, 0)
    cluster.wait_usable(1)
    up = cluster.measure("scaled from 1 to 2", lambda: told.append(cluster.run("scale", "2")), max_tokens=800)
    assert (up.whole, up.newcomers_failed) == (_STREAMS, 0)
    cluster.wait_usable(2)
    assert [each["engines"]["running"] for each in told] == [1, 2]


def test_status_names_no_key_and_the_list_wants_its_secret(cluster: Cluster) -> None:
    told = cluster.run("status")
    assert told["state"] == "RUNNING"
    assert set(told["engines"]["listed"][0]) == {"name", "url"}
    port = int(cluster.environment["HUIYAN_CLUSTER__HTTP_PORT"])
    assert request(port, "GET", "/huiyan/replicas").status == 401
    assert request(port, "GET", "/huiyan/replicas", key="wrong").status == 401
    secret = Path(told["secret_file"]).read_text("ascii").strip()
    listed = request(port, "GET", "/huiyan/replicas", key=secret)
    assert listed.status == 200
    keys = [each["api_key"] for each in listed.json()["replicas"]]
    for process in (*cluster.family("huiyan"), *cluster.family("ray")):
        with contextlib.suppress(psutil.Error):
            words = " ".join([*process.cmdline(), *process.environ().values()])
            assert not any(key in words for key in (*keys, secret)), "no secret in argv or environment"


def test_a_gateway_outlives_the_list(cluster: Cluster) -> None:
    """The head is stopped as a partition would; what the gateway was told last goes on."""
    cluster.wait_usable(2)
    listing = cluster.family("ray::ProxyActor")
    assert listing
    for each in listing:
        each.suspend()

    def resume() -> None:
        for each in listing:
            each.resume()

    timer = threading.Timer(60.0, resume)
    timer.start()
    try:
        outcome = cluster.measure("the list is silent", lambda: None, max_tokens=100)
    finally:
        timer.cancel()
        resume()
    assert (outcome.whole, outcome.newcomers_failed) == (_STREAMS, 0)
