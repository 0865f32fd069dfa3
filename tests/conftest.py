"""What every suite has: the repository's root on the import path, and the sample pictures."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import hypothesis
import pytest

# The same examples each time: what a run finds must not depend on its luck. `just fuzz` looks for new ones.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("same")

_ROOT = Path(__file__).parent.parent
# `from tests.support…` works in every import mode and from any working directory.
if str(_ROOT) not in sys.path:
    sys.path.insert(0, str(_ROOT))

# A shell starts what it runs in the background with these ignored, nohup too, and every child would inherit
# that: then neither Python nor a shell script can be interrupted, which is what some tests are about.
for _number, _usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGQUIT, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def sample_images() -> Path:
    """Directory of the pictures that `expected.json` in it describes."""
    directory = DATA / "sample_images"
    assert (directory / "expected.json").is_file(), "the sample pictures are missing from tests/data"
    return directory
