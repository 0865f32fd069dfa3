"""llama.cpp on this machine: threads, and whether the memory is enough."""

from __future__ import annotations

from typing import Final

from huiyan.hardware.probe import Machine

#: Compute buffers, tokenizer and server of llama.cpp, beyond weights and KV cache (measured: 0.1-0.3 GiB).
_OVERHEAD_BYTES: Final = 300 * 1024 * 1024

#: nano's matrices are small: more threads wait for each other longer than they compute.
_DEMO_THREADS: Final = 4


def threads(machine: Machine, *, demo: bool) -> int:
    """CPU threads for llama.cpp: the physical cores that this process may use.

    On two cores one stays free for the gateway and the browser: under contention two threads fell
    from 350 to 30-70 tokens/s, because each step waits for the slower one.
    """
    cores = min(machine.cpu_physical, machine.cpu_usable)
    if cores <= 2:
        return 1
    return min(cores, _DEMO_THREADS) if demo else cores


def memory_needed_bytes(
    *, weights_bytes: int, kv_bytes_per_token: int, context_tokens: int, slots: int
) -> int:
    """Resident memory of a llama.cpp process with this model and context."""
    return weights_bytes + kv_bytes_per_token * context_tokens * slots + _OVERHEAD_BYTES
