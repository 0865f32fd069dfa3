"""A process that decodes pictures for the pool: `python -m huiyan.gateway.pictures.decoder`.

A decoder is C code fed with a stranger's bytes. Here it can hang (it is killed), want all memory (its
address space is bounded) or crash, and the gateway only hears that a picture was refused; its event loop
is never held up by a decoder that keeps the interpreter's lock. Ends when its standard input does, which
is when the gateway is gone, however it went.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import signal
import sys
import warnings
from pathlib import Path

import msgspec

from huiyan.errors import InvalidImageError, PayloadTooLargeError
from huiyan.gateway.pictures import wire
from huiyan.gateway.pictures.intake import read_image
from huiyan.gateway.pictures.limits import ImageLimits

#: Beside the pixels: the file, its copies, a library's own working memory.
_SLACK_BYTES = 512 * 1024 * 1024

#: Beyond the pool's own time limit: only where the pool is gone and cannot kill.
_ORPHAN_GRACE_S = 3.0


class _Alarm:
    """Ends this process in the middle of whatever C code, if nobody else does. A no-op on Windows."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s + _ORPHAN_GRACE_S

    def set(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, self._limit_s)

    def clear(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)


def serve(requests: wire.Raw, answers: wire.Raw, alarm: _Alarm) -> None:
    """Answer jobs until the pool is gone."""
    jobs = msgspec.msgpack.Decoder(wire.Job)
    wire.write(answers, wire.frame(wire.Ready()))
    while True:
        job = wire.read_frame(requests, jobs)
        data = wire.read(requests, job.size_bytes)
        alarm.set()
        reply, result = _decode(job, data, requests, answers, alarm)
        alarm.clear()
        wire.write(answers, wire.frame(reply), result)
        del data, result
        gc.collect()  # Pillow's objects have cycles that hold pixels


def _decode(
    job: wire.Job, data: bytes, requests: wire.Raw, answers: wire.Raw, alarm: _Alarm
) -> tuple[wire.Done | wire.Refused, bytes]:
    def reserve(size_bytes: int) -> None:
        alarm.clear()  # waiting for other pictures' memory is nobody's fault
        wire.write(answers, wire.frame(wire.Need(size_bytes)))
        allowed = wire.read(requests, 1) == wire.GO
        alarm.set()
        if not allowed:
            raise PayloadTooLargeError(
                f"{job.label} needs {size_bytes:,} bytes to decode, more than pictures may take.",
                hint="Save it with fewer pixels and send it again.",
            )

    limits = ImageLimits(max_bytes=job.max_bytes, max_pixels=job.max_pixels, max_frames=job.max_frames)
    try:
        done = read_image(data, limits, label=job.label, max_pixels=job.scaled_to_pixels, reserve=reserve)
    except (InvalidImageError, PayloadTooLargeError) as error:
        return wire.Refused(error.code, error.message, error.hint), b""
    except EOFError:
        raise
    except Exception as error:  # noqa: BLE001  # a task boundary: the next picture is decoded whatever happened
        return wire.Refused("", f"{type(error).__name__}: {error}", ""), b""
    return (
        wire.Done(done.media_type, done.width, done.height, done.resized, done.spans, len(done.data)),
        done.data,
    )


def _bound(memory_bytes: int) -> None:
    """No more memory than pictures may take, no files, no core dump with somebody's picture in it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        own_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        own_bytes = own_pages * resource.getpagesize()
        limit_bytes = own_bytes + memory_bytes + _SLACK_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory-bytes", type=int, required=True)
    parser.add_argument("--time-limit-s", type=float, required=True)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the gateway's; this process follows it
    warnings.simplefilter("ignore")

    from PIL import AvifImagePlugin, Image

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # each thread's stack would count against the bound
    Image.preinit()
    # What is imported stays: `serve` collects after each picture, which would look at all of it (3 ms).
    gc.collect()
    gc.freeze()
    _bound(options.memory_bytes)
    # libtiff and others write what they think of a file to stderr, which is the gateway's log.
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    with contextlib.suppress(EOFError, BrokenPipeError):
        serve(
            open(0, "rb", buffering=0, closefd=False),  # noqa: SIM115  # standard streams, never closed
            open(1, "wb", buffering=0, closefd=False),  # noqa: SIM115
            _Alarm(options.time_limit_s),
        )


if __name__ == "__main__":
    main(sys.argv[1:])
