"""The command line as a process: what it prints, where, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from huiyan import __version__
from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.slow


def test_version_and_help(environment: dict[str, str]) -> None:
    def said(*arguments: str, **variables: str) -> str:
        command = [sys.executable, "-m", "huiyan", *arguments]
        return subprocess.run(
            command, env={**environment, **variables}, capture_output=True, text=True, check=True
        ).stdout

    assert said("--version").strip() == f"huiyan {__version__}"
    overview = said("--help")
    for command in ("start", "stop", "status", "logs", "doctor", "ask", "serve"):
        assert command in overview
        assert "--json" in said(command, "--help")
    assert "显示正在运行的部分" in said("--help", LANG="zh_CN.UTF-8", LC_ALL="zh_CN.UTF-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ["start", "--port", "many"],
        ["start", "--port", "70000"],
        ["start", "--engine", "steam"],
        ["start", "--lang", "tlh"],
        ["ask"],
        ["logs", "-n", "-1"],
    ],
)
def test_usage_errors_are_2(huiyan: Run, arguments: list[str]) -> None:
    finished = huiyan(*arguments)
    assert finished.returncode == 2, finished.stderr
    assert "Traceback" not in finished.stderr


def test_an_unknown_setting_is_2(huiyan: Run) -> None:
    finished = huiyan("status", "--json", HUIYAN_GATEWAY__PROT="1")
    assert finished.returncode == 2
    error = json.loads(finished.stdout)["error"]
    assert error["code"] == "settings_error"
    assert "HUIYAN_GATEWAY__PORT" in error["hint"]


def test_nothing_is_running(huiyan: Run) -> None:
    for command in ("status", "logs"):
        finished = huiyan(command)
        assert finished.returncode == 3
        assert "huiyan start" in finished.stderr
    assert huiyan("stop").returncode == 0


def test_doctor_finds_and_says(huiyan: Run, tmp_path: Path) -> None:
    finished = huiyan("doctor", "--json", "--port", "0")
    checks = {
        line["check"]: line for line in map(json.loads, finished.stdout.splitlines()) if "check" in line
    }
    assert {"machine", "model", "page", "launcher", "ports"} <= set(checks)
    assert checks["machine"]["state"] == checks["model"]["state"] == "ok"

    wanted = huiyan("doctor", "--json", "--port", "0", "--model", "Qwen/Qwen3-VL-8B-Instruct")
    assert '"warning"' in wanted.stdout

    broken = huiyan("doctor", "--port", "0", "--model-path", str(tmp_path / "nowhere"), "--lang", "zh")
    assert broken.returncode == 3
    assert "不存在" in broken.stdout
    assert "怎么办" in broken.stdout


@pytest.fixture
def running(huiyan: Run, environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, object]]:
    """`start --detach`: its own lines, and what `status` says of it."""
    finished = huiyan(
        "start", "--detach", "--no-browser", "--port", "0", "--engine-port", "0", "--threads", "1"
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Ready: http://127.0.0.1:" in finished.stdout
    try:
        report: dict[str, object] = json.loads(huiyan("status", "--json").stdout)
        yield report
    finally:
        huiyan("stop")


def test_a_detached_start_is_asked_watched_and_stopped(
    running: dict[str, object], huiyan: Run, sample_images: Path
) -> None:
    assert running["ready"]
    pids = [running["pid"], running["engine_pid"], running["gateway"]["pid"]]  # type: ignore[index]
    asked = huiyan("ask", str(sample_images / "01_product_card_zh.png"), "价格是多少？")
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.strip() == "¥59.90。"

    as_json = json.loads(
        huiyan("ask", "--json", str(sample_images / "02_product_card_en.png"), "How much is it?").stdout
    )
    assert as_json["answer"] == "$79.99."
    assert as_json["demo"] is True
    assert as_json["usage"]["completion_tokens"] > 0

    assert "引擎：就绪" in huiyan("status", "--lang", "zh").stdout
    logged = [json.loads(line) for line in huiyan("logs", "--json", "-n", "1000").stdout.splitlines()]
    # The tool host starts after everything is ready, and may have said something by now.
    assert {record["source"] for record in logged} - {"tools"} == {"launcher", "gateway", "engine"}
    only = huiyan("logs", "--source", "gateway", "-n", "3").stdout.splitlines()
    assert 1 <= len(only) <= 3
    assert all(re.match(r"\S+Z gateway ", line) for line in only)

    second = huiyan("start", "--detach", "--no-browser")
    assert second.returncode == 3
    assert str(running["pid"]) in second.stderr

    assert huiyan("stop").returncode == 0
    assert not [pid for pid in pids if isinstance(pid, int) and alive(pid)]
    assert huiyan("status").returncode == 3


def test_logs_follow_until_interrupted(
    running: dict[str, object], environment: dict[str, str], tmp_path: Path, huiyan: Run
) -> None:
    command = [sys.executable, "-m", "huiyan", "logs", "-f", "-n", "1", "--json", "--data-dir"]
    with subprocess.Popen(
        [*command, str(tmp_path / "data")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        # Once the last line of before is shown, no later one is missed.
        assert json.loads(following.stdout.readline())
        engine = running["engine_pid"]
        assert isinstance(engine, int)
        os.kill(engine, signal.SIGKILL)
        line = next(line for line in following.stdout if "SIGKILL" in line)
        assert json.loads(line)["source"] == "launcher"
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 0
        assert following.stderr is not None
        assert following.stderr.read() == ""


def alive(pid: int) -> bool:
    return bool(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def test_a_failed_detached_start_says_why(huiyan: Run, tmp_path: Path) -> None:
    finished = huiyan("start", "--detach", "--no-browser", "--model-path", str(tmp_path / "nowhere"))
    assert finished.returncode == 3
    assert "nowhere" in finished.stderr
    assert "What to do" in finished.stderr
    assert huiyan("status").returncode == 3


def test_ask_without_a_launcher(huiyan: Run, sample_images: Path, tmp_path: Path) -> None:
    finished = huiyan("ask", "--threads", "1", str(sample_images / "12_sign_en.png"), "What is written here?")
    assert finished.returncode == 0, finished.stderr
    expected = next(
        entry["model_answer"]
        for entry in json.loads((sample_images / "expected.json").read_text("utf-8"))
        if entry["images"] == ["12_sign_en.png"]
    )
    assert finished.stdout.strip() == expected


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("missing.png", None, "no picture file"),
        ("text.png", b"no picture", "text.png"),
        ("empty.jpg", b"", "empty"),
    ],
)
def test_ask_about_a_bad_file(huiyan: Run, tmp_path: Path, name: str, data: bytes | None, said: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    finished = huiyan("ask", name, "图里写了什么？")
    assert finished.returncode == 1
    assert said in finished.stderr
    assert "What to do" in finished.stderr
    assert finished.stdout == ""


def test_ask_refuses_more_pictures_than_the_model_takes(huiyan: Run, sample_images: Path) -> None:
    pictures = [str(path) for path in sorted(sample_images.glob("*.png"))[:3]]
    finished = huiyan("ask", "--threads", "1", *pictures, "图里写了什么？")
    assert finished.returncode == 1
    assert "at most 2" in finished.stderr


def test_an_empty_question_is_refused(huiyan: Run) -> None:
    finished = huiyan("ask", " ")
    assert finished.returncode == 1
    assert "no question" in finished.stderr


def test_a_usage_error_leaves_no_gateway(environment: dict[str, str], tmp_path: Path) -> None:
    """It was spawned before the arguments were read."""
    before = set(psutil.pids())
    finished = subprocess.run(
        [sys.executable, "-m", "huiyan", "start", "--no-such-flag"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 2
    for pid in set(psutil.pids()) - before:
        try:
            assert "huiyan.app" not in psutil.Process(pid).cmdline() or psutil.Process(pid).ppid() != 1
        except psutil.NoSuchProcess:
            continue


@pytest.mark.parametrize("url", ["https://example.org", "http://h/path", "ftp://x", "nonsense"])
def test_serve_refuses_what_is_no_engines_address(huiyan: Run, url: str) -> None:
    finished = huiyan("serve", "--engine-url", url, "--port", "0")
    assert finished.returncode == 2
    assert url in finished.stderr


def test_serve_alone_serves(environment: dict[str, str], tmp_path: Path) -> None:
    import http.client

    command = [sys.executable, "-m", "huiyan", "serve", "--port", "0", "--json", "--data-dir", str(tmp_path)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as serving:
        try:
            assert serving.stdout is not None
            port = int(json.loads(serving.stdout.readline())["url"].rpartition(":")[2])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/health/live")
            assert connection.getresponse().status == 200
            connection.close()
        finally:
            serving.send_signal(signal.SIGTERM)
            serving.wait(15)
