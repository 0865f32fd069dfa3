"""Runs inside vLLM's own interpreter, by path: imports nothing of huiyan, and vLLM itself only late."""
