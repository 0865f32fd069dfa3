"""OpenAI's SDK for Python as a driver; see tests/support/driver.py for what goes in and out."""

from __future__ import annotations

import json
import sys
from typing import Any

import openai


def run(command: dict[str, Any]) -> dict[str, Any]:
    client = openai.OpenAI(
        base_url=command["base_url"],
        api_key="none",
        max_retries=command["max_retries"],
        timeout=command["timeout_s"],
    )
    asked = {"model": command["model"], "messages": command["messages"]}
    if command["tools"]:
        asked["tools"] = command["tools"]
    if not command["stream"]:
        completion = client.chat.completions.create(**asked)
        message = completion.choices[0].message
        assert completion.usage is not None
        return {
            "text": message.content or "",
            "pieces": 1,
            "tool_calls": [call.function.model_dump() for call in message.tool_calls or []],
            "finish_reason": completion.choices[0].finish_reason,
            "total_tokens": completion.usage.total_tokens,
        }
    answer: dict[str, Any] = {
        "text": "",
        "pieces": 0,
        "tool_calls": [],
        "finish_reason": None,
        "total_tokens": 0,
    }
    for chunk in client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}):
        answer["total_tokens"] = chunk.usage.total_tokens if chunk.usage else answer["total_tokens"]
        for choice in chunk.choices:
            answer["text"] += choice.delta.content or ""
            answer["pieces"] += bool(choice.delta.content)
            answer["finish_reason"] = choice.finish_reason or answer["finish_reason"]
            for call in choice.delta.tool_calls or []:
                if call.index == len(answer["tool_calls"]):
                    answer["tool_calls"].append({"name": "", "arguments": ""})
                answer["tool_calls"][call.index]["name"] += call.function.name or ""
                answer["tool_calls"][call.index]["arguments"] += call.function.arguments or ""
    return answer


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
