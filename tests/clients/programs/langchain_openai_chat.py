"""LangChain's ChatOpenAI as a driver; see tests/support/driver.py for what goes in and out.

It runs in the environment of requirements-clients.lock, not in that of the tests.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai
from langchain_openai import ChatOpenAI


def run(command: dict[str, Any]) -> dict[str, Any]:
    model: Any = ChatOpenAI(
        model=command["model"],
        base_url=command["base_url"],
        api_key="none",
        max_retries=command["max_retries"],
        timeout=command["timeout_s"],
        stream_usage=True,
    )
    if command["tools"]:
        model = model.bind_tools(command["tools"])
    pieces = 0
    if command["stream"]:
        whole: Any = None
        for chunk in model.stream(command["messages"]):
            pieces += bool(chunk.content)
            whole = chunk if whole is None else whole + chunk
    else:
        whole = model.invoke(command["messages"])
        pieces = 1
    return {
        "text": whole.content,
        "pieces": pieces,
        "tool_calls": [
            {"name": call["name"], "arguments": json.dumps(call["args"])} for call in whole.tool_calls
        ],
        "finish_reason": whole.response_metadata["finish_reason"],
        "total_tokens": whole.usage_metadata["total_tokens"],
    }


def main() -> None:
    for line in sys.stdin:
        try:
            answer = run(json.loads(line))
        except openai.OpenAIError as error:
            answer = {
                "error": {
                    "kinds": [kind.__name__ for kind in type(error).__mro__],
                    "status": getattr(error, "status_code", None),
                    "code": getattr(error, "code", None),
                    "message": str(error),
                }
            }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
