"""`huiyan logs` on a log that is there: what it shows, in which order, and what it follows."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from huiyan.launcher.logs import LogSink
from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.slow


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[LogSink]:
    """Three files of a log of 60 records, the newest number 59."""
    made = LogSink(tmp_path / "data" / "logs" / "huiyan.jsonl", max_bytes=4096, files=5)
    for number in range(60):
        made.write(
            {
                "ts": f"2026-01-31T08:00:{number:02d}.000Z",
                "level": ("debug", "info", "warning", "error")[number % 4],
                "source": ("launcher", "gateway", "engine")[number % 3],
                "message": f"line {number}",
                "request_id": f"b-{number // 10}",
                "pad": "x" * 50,
            }
        )
    yield made
    made.close()


def shown(finished: subprocess.CompletedProcess[str]) -> list[int]:
    assert finished.returncode == 0, finished.stderr
    return [int(json.loads(line)["message"].split()[1]) for line in finished.stdout.splitlines()]


def test_records_are_chosen_through_all_rotations(sink: LogSink, huiyan: Run, tmp_path: Path) -> None:
    assert len(list((tmp_path / "data" / "logs").iterdir())) > 1
    assert shown(huiyan("logs", "--json")) == list(range(60))
    assert shown(huiyan("logs", "--json", "-n", "3")) == [57, 58, 59]
    assert shown(huiyan("logs", "--json", "--level", "error", "--source", "engine")) == [11, 23, 35, 47, 59]
    assert shown(huiyan("logs", "--json", "--request", "b-2")) == list(range(20, 30))
    assert shown(huiyan("logs", "--json", "--since", "2026-01-31T08:00:55Z")) == [55, 56, 57, 58, 59]
    assert shown(huiyan("logs", "--json", "--since", "1h")) == []


def test_a_person_reads_one_line_a_record(sink: LogSink, huiyan: Run) -> None:
    sink.write(
        {
            "ts": "2026-01-31T08:01:00.000Z",
            "level": "error",
            "source": "gateway",
            "origin": "browser",
            "message": "TypeError: 图",
            "request_id": "b-9",
            "exception": "Traceback …",
        }
    )
    finished = huiyan("logs", "-n", "1")
    assert finished.stdout.splitlines() == [
        "2026-01-31T08:01:00.000Z browser  error   TypeError: 图  request_id=b-9",
        "Traceback …",
    ]


@pytest.mark.parametrize(
    "arguments",
    [["--source", "nobody"], ["--level", "loud"], ["--since", "yesterday"], ["--lines", "-1"]],
)
def test_what_cannot_be_asked_is_a_usage_error(sink: LogSink, huiyan: Run, arguments: list[str]) -> None:
    finished = huiyan("logs", *arguments)
    assert finished.returncode == 2
    assert arguments[0] in finished.stderr
    assert "Traceback" not in finished.stderr


def test_following_goes_through_rotations(sink: LogSink, environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "huiyan", "logs", "-f", "-n", "1", "--json", "--level", "info"]
    with subprocess.Popen(
        [*command, "--data-dir", str(tmp_path / "data")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        first = json.loads(following.stdout.readline())
        assert first["message"] == "line 59"
        for number in range(60, 100):
            sink.write({"level": "info", "source": "engine", "message": f"line {number}", "pad": "x" * 200})
            sink.write({"level": "debug", "source": "engine", "message": "line -1"})
        found = [json.loads(following.stdout.readline())["message"] for _ in range(40)]
        assert found == [f"line {number}" for number in range(60, 100)]
        following.send_signal(signal.SIGINT)
        assert following.wait(30) == 0
        assert following.stderr.read() == ""
