"""Starts that fail as they should, shared by the tests of `huiyan start`."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from tests.support.installation import Finished, Huiyan

#: Exit code of a check that refused, with the remedy in its hint.
REFUSED = 3
#: Exit code of what was interrupted and may be run again.
INTERRUPTED = 4


def start_and_fail(huiyan: Huiyan, *more: str) -> Finished:
    """`start` that is expected to end by itself; nothing may be left running."""
    finished = huiyan.run(*huiyan.start_arguments(*more))
    assert "Traceback" not in finished.stdout + finished.stderr, finished.said
    huiyan.wait_nothing_left()
    return finished


def assert_refused(finished: Finished, *words: str) -> None:
    """Exit code 3, a message and a hint, and all of `words` in what was printed."""
    assert finished.returncode == REFUSED, finished.said
    error = error_of(finished)
    assert error["message"].strip(), finished.said
    assert error["hint"].strip(), finished.said
    for word in words:
        assert word in finished.stdout + finished.stderr, finished.said


def error_of(finished: Finished) -> dict[str, Any]:
    """The error object among the JSON lines of either stream."""
    for line in reversed((finished.stdout + "\n" + finished.stderr).splitlines()):
        with contextlib.suppress(ValueError, AttributeError):
            found = json.loads(line).get("error")
            if isinstance(found, dict):
                return found
    raise AssertionError(f"no JSON error: {finished.said}")
