"""The one log file: records of all processes, rotated, and never a reason to fail."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from huiyan import log
from huiyan.launcher.logs import LogSink, SinkStream, record_of
from huiyan.log.follow import rotated


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_plain_lines_become_records_without_secrets() -> None:
    record = record_of("engine", "Authorization: Bearer abcdef0123456789")
    assert (record["source"], record["level"]) == ("engine", "info")
    assert "abcdef" not in str(record["message"])
    assert str(record["ts"]).endswith("Z")


def test_the_engines_lines_are_read_by_its_formats(tmp_path: Path) -> None:
    path = tmp_path / "huiyan.jsonl"
    sink = LogSink(path, max_bytes=10**6, files=2)
    write = sink.writer("engine")
    write("0.00.120.316 W load_hparams: few tokens")
    write("(APIServer pid=1) ERROR 11-22 10:00:00 [core.py:75] lost")
    sink.close()
    assert [(line["level"], line["message"]) for line in lines(path)] == [
        ("warning", "few tokens"),
        ("error", "lost"),
    ]


def test_a_record_as_long_as_a_book_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "huiyan.jsonl"
    sink = LogSink(path, max_bytes=10**6, files=2)
    sink.write({"ts": "t", "level": "info", "source": "engine", "message": "图" * 60_000, "more": "x"})
    sink.close()
    (line,) = lines(path)
    assert line["cut"] is True
    assert "more" not in line
    assert path.stat().st_size < 64 * 1024


def test_json_lines_keep_their_fields_but_not_their_source() -> None:
    line = json.dumps(
        {"ts": "2026-01-01T00:00:00.000Z", "level": "error", "message": "x", "source": "forged"}
    )
    record = record_of("gateway", line)
    assert record == {"ts": "2026-01-01T00:00:00.000Z", "level": "error", "message": "x", "source": "gateway"}


def test_a_line_that_only_looks_like_json_is_text() -> None:
    assert record_of("gateway", '{"cut": ')["message"] == '{"cut": '


def test_the_file_rotates_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "huiyan.jsonl"
    sink = LogSink(path, max_bytes=400, files=3)
    for number in range(40):
        sink.write({"number": number, "pad": "x" * 50})
    sink.close()
    kept = [rotated(path, number) for number in (2, 1, 0)]
    assert sorted(entry.name for entry in path.parent.iterdir()) == sorted(entry.name for entry in kept)
    numbers = [line["number"] for file in kept for line in lines(file)]
    assert numbers == list(range(40 - len(numbers), 40)), "in order, without a gap, up to the newest"
    assert all(file.stat().st_size <= 400 for file in kept)


def test_one_file_is_a_rotation_too(tmp_path: Path) -> None:
    path = tmp_path / "huiyan.jsonl"
    sink = LogSink(path, max_bytes=100, files=1)
    for number in range(10):
        sink.write({"number": number, "pad": "x" * 50})
    sink.close()
    assert [line["number"] for line in lines(path)] == [9]
    assert [entry.name for entry in tmp_path.iterdir()] == ["huiyan.jsonl"]


def test_threads_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    sink = LogSink(tmp_path / "huiyan.jsonl", max_bytes=10**6, files=2)

    def write() -> None:
        for _ in range(50):
            sink.write({"pad": "y" * 500})

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.close()
    assert len(lines(tmp_path / "huiyan.jsonl")) == 200


def test_a_disk_that_takes_nothing_loses_lines_and_no_more(tmp_path: Path) -> None:
    sink = LogSink(tmp_path / "huiyan.jsonl", max_bytes=1000, files=2)
    sink.write({"number": 1})
    sink._file.close()
    sink.write({"number": 2})
    sink.close()
    assert [line["number"] for line in lines(tmp_path / "huiyan.jsonl")] == [1]


def test_the_launchers_own_records_go_there_too(tmp_path: Path) -> None:
    import logging

    sink = LogSink(tmp_path / "huiyan.jsonl", max_bytes=10**6, files=2)
    level, raising = logging.getLogger().level, logging.raiseExceptions
    handler = log.configure("launcher", SinkStream(sink, "launcher"))
    try:
        log.get_logger("huiyan.launcher").warning("a\nb", extra={"pid": 1})
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(level)
        logging.raiseExceptions = raising
    sink.close()
    (line,) = lines(tmp_path / "huiyan.jsonl")
    assert (line["source"], line["message"], line["pid"]) == ("launcher", "a\nb", 1)
