"""Real output of both engines as records: level, message, request, and no word of what was asked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from huiyan import log
from huiyan.launcher.engine_lines import EngineLines
from huiyan.log.choice import Choice

DATA = Path(__file__).parents[2] / "data" / "engine_logs"


def records(name: str) -> list[dict[str, Any]]:
    """As the launcher reads them: split at line feeds, empty ones left out."""
    engine = EngineLines()
    lines = (DATA / name).read_bytes().decode().split("\n")
    return [engine.record(line.rstrip()) for line in lines if line.strip()]


def test_llama_cpps_own_log_of_a_session() -> None:
    found = records("llama_cpp.log")
    assert all(record["source"] == "engine" and record["ts"].endswith("Z") for record in found)
    assert all(record["logger"].startswith("llama.cpp.") for record in found), "no line was left unread"
    assert Counter(record["level"] for record in found) == {"info": 50, "warning": 10, "error": 1}
    (error,) = (record for record in found if record["level"] == "error")
    assert error["message"].startswith("task id = 106, error: request (40008 tokens) exceeds")
    assert (error["logger"], error["task"]) == ("llama.cpp.srv.send_error", 106)
    launched = next(record for record in found if "processing task" in record["message"])
    assert (launched["logger"], launched["task"]) == ("llama.cpp.slot.launch_slot_", 0)


def test_llama_cpp_quotes_nothing_of_a_body_that_it_could_not_read() -> None:
    (quoted,) = (record for record in records("llama_cpp.log") if "parse error" in record["message"])
    assert quoted["message"].endswith(f"last read: {log.MASK}")


def test_vllms_log() -> None:
    found = records("vllm.log")
    by_message = {record["message"]: record for record in found}
    assert by_message["Automatically detected platform cuda."]["logger"] == "vllm.__init__.py:241"
    assert by_message["vLLM API server version 0.5.1"]["logger"] == "vllm.api_server.py:206"
    cache = by_message["GPU KV cache size: 425,424 tokens"]
    assert (cache["level"], cache["process"]) == ("info", "EngineCore_DP0")
    progress = next(record for record in found if record["message"].startswith("Capturing"))
    assert "100%" in progress["message"]
    assert " 3%" not in progress["message"]
    assert by_message['127.0.0.1:51234 - "POST /v1/chat/completions HTTP/1.1" 200 OK']["level"] == "info"
    assert [record["level"] for record in found if record["level"] in ("warning", "error")] == [
        "warning",
        *["error"] * 4,
    ], "the traceback belongs to its error"
    assert found[-1]["level"] == "info"


def test_prompts_and_answers_are_cut_out() -> None:
    everything = str(records("vllm.log"))
    assert "PROMPT-TEXT" not in everything
    assert "ANSWER-TEXT" not in everything
    assert "价格" not in everything


@pytest.mark.parametrize(
    "line",
    [
        "0.01 E srv  operator(): got exception: messages: [{'role': 'user', 'content': 'PROMPT-TEXT'}]",
        "  Input should be a string [type=string_type, input_value={'a': 'PROMPT-TEXT'}, input_type=dict]",
        "pydantic says input_value='PROMPT-TEXT'",
        "content='PROMPT-TEXT'",
        '{"level": "INFO", "message": "Received request x: prompt: \'PROMPT-TEXT\'"}',
        "url: data:image/png;base64,PROMPT-TEXT",
    ],
)
def test_content_in_other_lines(line: str) -> None:
    assert "PROMPT-TEXT" not in str(EngineLines().record(line))


def test_a_request_is_found_in_vllms_lines() -> None:
    found = records("vllm.log")
    about = [record for record in found if Choice(request_id="1a2b3c4d-1f").takes(record)]
    assert [record["message"].partition(" ")[0] for record in about] == ["Received", "Added", "Generated"]
    assert not [record for record in found if Choice(request_id="1a2b3c4d-1").takes(record)]


def test_json_lines_of_an_engine() -> None:
    engine = EngineLines()
    line = '{"levelname": "WARNING", "message": "slow", "name": "vllm.core", "api_key": "x"}'
    record = engine.record(line)
    assert {**record, "ts": ""} == {
        "ts": "",
        "source": "engine",
        "level": "warning",
        "message": "slow",
        "logger": "vllm.core",
    }
    assert engine.record('{"cut": ')["message"] == '{"cut": '


def test_the_end_of_a_process_is_an_error() -> None:
    engine = EngineLines()
    assert engine.record("ggml.c:2072: GGML_ASSERT(x) failed")["level"] == "error"
    assert engine.record("RuntimeError: no")["level"] == "error"
    assert engine.record("all is well")["level"] == "info"
