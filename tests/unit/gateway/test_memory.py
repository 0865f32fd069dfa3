from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from huiyan.gateway.memory import GivingBack
from tests.support.wait import eventually

#: Frees 200 MB between small blocks that stay, as bodies leave them, in a process that keeps what is freed.
_PROGRAM = """
import psutil
from huiyan.gateway.memory import give_back, keep_freed_memory
assert keep_freed_memory()
bodies, stay = [], []
for _ in range(200):
    bodies.append(bytearray(1_000_000))
    stay.append(bytearray(2_000))
del bodies
held = psutil.Process().memory_info().rss
assert give_back()
print(held - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another allocator")
def test_what_was_freed_between_blocks_that_stay_goes_back() -> None:
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert int(ran.stdout) > 150_000_000


async def test_it_is_done_again_and_again_until_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[None] = []

    def noted() -> bool:
        times.append(None)
        return True

    monkeypatch.setattr("huiyan.gateway.memory.give_back", noted)
    giving = GivingBack(asyncio.get_running_loop(), every_s=0.001)

    async def several() -> bool:
        return len(times) >= 3

    await eventually(several)
    giving.close()
    seen = len(times)
    await asyncio.sleep(0.05)
    assert len(times) == seen
