"""Stand-ins for what huiyan talks to, for its own tests and for those of plugin authors.

`FakeEngine` is an OpenAI-compatible engine that says and breaks what a test tells it to. The same
contract tests pass for it and for llama.cpp's server (`tests/contract/test_engine.py`).
"""

from huiyan.testing.fake_engine import FakeEngine
from huiyan.testing.recording import RecordedRequest
from huiyan.testing.script import Fault, RawReply, Reply, Status, ToolCall

__all__ = ["FakeEngine", "Fault", "RawReply", "RecordedRequest", "Reply", "Status", "ToolCall"]
