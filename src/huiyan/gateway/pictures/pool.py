"""Decoding processes: few, bounded in memory and time, replaced when they hang or crash.

A call waits in its thread for a process, hands the file over and waits for the verdict. Whatever takes
longer than the time limit is killed with its process, so that no picture can take a place in the pool for
good. The pixels of all pictures that are being decoded share one allowance of memory: a picture whose
pixels do not fit now waits, one that could never fit is refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import subprocess
import sys
import threading
import time
from typing import cast

import msgspec

from huiyan.errors import (
    HuiyanError,
    ImageDecoderError,
    ImageTimeoutError,
    InvalidImageError,
    PayloadTooLargeError,
    QueueFullError,
)
from huiyan.gateway.pictures import wire
from huiyan.gateway.pictures.limits import ImageLimits, MediaType, PreparedImage
from huiyan.gateway.pictures.metadata import cut
from huiyan.log import get_logger

_log = get_logger(__name__)

_replies = msgspec.msgpack.Decoder(wire.Reply)

#: From `exec` to Ready, on a machine that is busy with other things.
_START_LIMIT_S = 60.0

#: A process is replaced after so many pictures: decoders leak.
_MAX_JOBS = 2000

#: A photo in few pieces instead of dozens, each of which wakes the other side.
_PIPE_BYTES = 1024 * 1024

_REFUSALS = {cls.code: cls for cls in (InvalidImageError, PayloadTooLargeError)}


class _Process:
    """One decoding process; used by one thread at a time. Every wait for it ends at its deadline."""

    def __init__(self, memory_bytes: int, time_limit_s: float) -> None:
        """Raises: EOFError, OSError, msgspec.DecodeError."""
        command = [
            *(sys.executable, "-P", "-m", "huiyan.gateway.pictures.decoder"),
            *("--memory-bytes", str(memory_bytes), "--time-limit-s", str(time_limit_s)),
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self._process.stdin is not None, "a pipe was asked for"
        assert self._process.stdout is not None, "a pipe was asked for"
        self._requests = self._process.stdin.fileno()
        self._answers = self._process.stdout.fileno()
        self._deadline_s = time.monotonic() + _START_LIMIT_S
        self.timed_out = False
        self.jobs = 0
        self.used_s = time.monotonic()
        os.set_blocking(self._requests, False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(OSError):  # over the user's quota: slower, not wrong
                fcntl.fcntl(self._requests, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            self.receive()
        except BaseException:
            self.kill()
            raise

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, *pieces: bytes | memoryview, limit_s: float) -> None:
        """From now on the process has `limit_s` to answer. Raises: OSError, TimeoutError among them."""
        self._deadline_s = time.monotonic() + limit_s
        wire.write(self, *pieces)

    def receive(self) -> wire.Reply:
        """Raises: EOFError, OSError, msgspec.DecodeError."""
        reply: wire.Reply = wire.read_frame(self, _replies)
        return reply

    def receive_bytes(self, size_bytes: int) -> bytes:
        """Raises: EOFError, OSError."""
        return wire.read(self, size_bytes)

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    # wire.Raw

    def readinto(self, buffer: memoryview, /) -> int:
        self._wait(self._answers, select.POLLIN)
        return os.readv(self._answers, [buffer])

    def write(self, data: memoryview, /) -> int:
        while True:
            try:
                return os.write(self._requests, data)
            except BlockingIOError:
                self._wait(self._requests, select.POLLOUT)

    def _wait(self, pipe: int, event: int) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0 or not poll.poll(left_s * 1000):
            self.timed_out = True
            raise TimeoutError


class DecodePool:
    """`decode` blocks: call it in threads. Processes start when they are first needed."""

    def __init__(
        self,
        *,
        processes: int,
        max_decoded_bytes: int,
        time_limit_s: float = 15.0,
        wait_limit_s: float = 30.0,
    ) -> None:
        """max_decoded_bytes: pixels of all pictures at a time. wait_limit_s: for a process and for memory."""
        self._processes = processes
        self._max_decoded_bytes = max_decoded_bytes
        self._time_limit_s = time_limit_s
        self._wait_limit_s = wait_limit_s
        self._changed = threading.Condition()
        self._idle: list[_Process] = []
        self._taken = 0
        self._decoded_bytes = 0
        self._closed = False

    def decode(
        self, data: bytes, limits: ImageLimits, *, label: str, max_pixels: int | None = None
    ) -> PreparedImage:
        """What `intake.prepare_image` does, elsewhere.

        Raises: InvalidImageError, PayloadTooLargeError, ImageTimeoutError, ImageDecoderError,
        QueueFullError, HuiyanError (no process).
        """
        # Known without a process; the process checks it again.
        if len(data) > limits.max_bytes:
            raise PayloadTooLargeError(
                f"{label} has {len(data):,} bytes; the limit is {limits.max_bytes:,}.",
                hint="Save it smaller, or as JPEG, and send it again.",
            )
        process = self._take()
        reserved_bytes = 0
        try:
            job = wire.Job(
                len(data), label, limits.max_bytes, limits.max_pixels, limits.max_frames, max_pixels
            )
            process.send(wire.frame(job), data, limit_s=self._time_limit_s)
            reply = process.receive()
            if isinstance(reply, wire.Need):
                fits = reply.size_bytes <= self._max_decoded_bytes
                if fits:
                    self._reserve(reply.size_bytes)
                    reserved_bytes = reply.size_bytes
                process.send(wire.GO if fits else wire.NO, limit_s=self._time_limit_s)
                reply = process.receive()
            image = _image(process, reply, data) if isinstance(reply, wire.Done) else None
        except (EOFError, OSError, msgspec.DecodeError):
            timed_out = process.timed_out
            self._lose(process, reserved_bytes)
            raise self._lost(label, timed_out=timed_out) from None
        except BaseException:
            self._lose(process, reserved_bytes)
            raise
        self._give_back(process, reserved_bytes)
        if image is not None:
            return image
        raise _refusal(reply, label)

    def warm(self) -> None:
        """Start one process now, so that the first picture need not wait for it."""
        self._give_back(self._take(), 0)

    def reap(self, idle_s: float) -> None:
        """End processes that had nothing to do for so long: an idle gateway is a small one."""
        now = time.monotonic()
        with self._changed:
            ended = [process for process in self._idle if process.used_s + idle_s < now]
            self._idle = [process for process in self._idle if process not in ended]
        for process in ended:
            process.kill()

    def close(self) -> None:
        """End all processes; those at work end with their picture."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for process in idle:
            process.kill()

    def _take(self) -> _Process:
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._closed or self._taken < self._processes, self._wait_limit_s
            ):
                raise _busy()
            if self._closed:
                raise HuiyanError("The gateway is shutting down.", hint="Send the request again.")
            self._taken += 1
            process = self._idle.pop() if self._idle else None
        if process is not None:
            if process.alive:
                return process
            process.kill()
        try:
            return _Process(self._max_decoded_bytes, self._time_limit_s)
        except (EOFError, OSError, msgspec.DecodeError) as error:
            self._give_back(None, 0)
            _log.error("no picture decoder could be started: %s", error)
            raise HuiyanError(
                "The process that decodes pictures could not be started.",
                hint="`huiyan logs --source gateway` says why; `huiyan doctor` checks the installation.",
            ) from error

    def _reserve(self, size_bytes: int) -> None:
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._closed or self._decoded_bytes + size_bytes <= self._max_decoded_bytes,
                self._wait_limit_s,
            ):
                raise _busy()
            self._decoded_bytes += size_bytes

    def _lose(self, process: _Process, reserved_bytes: int) -> None:
        process.kill()
        self._give_back(None, reserved_bytes)

    def _give_back(self, process: _Process | None, reserved_bytes: int) -> None:
        ended = None
        with self._changed:
            self._taken -= 1
            self._decoded_bytes -= reserved_bytes
            if process is not None:
                process.jobs += 1
                process.used_s = time.monotonic()
                if self._closed or process.jobs >= _MAX_JOBS:
                    ended = process
                else:
                    self._idle.append(process)
            self._changed.notify_all()
        if ended is not None:
            ended.kill()

    def _lost(self, label: str, *, timed_out: bool) -> ImageTimeoutError | ImageDecoderError:
        if timed_out:
            return ImageTimeoutError(f"{label} took longer than {self._time_limit_s:g} s to decode.")
        _log.warning("a picture ended its decoding process")
        return ImageDecoderError(f"{label} cannot be decoded: it broke the decoder.")


def _image(process: _Process, done: wire.Done, data: bytes) -> PreparedImage:
    sent = process.receive_bytes(done.size_bytes) if done.spans is None else cut(data, done.spans)
    media_type = cast("MediaType", done.media_type)
    return PreparedImage(
        sent, media_type, done.width, done.height, changed=sent is not data, resized=done.resized
    )


def _refusal(reply: wire.Reply, label: str) -> HuiyanError:
    if isinstance(reply, wire.Refused):
        refused = _REFUSALS.get(reply.code)
        if refused is not None:
            return refused(reply.message, hint=reply.hint)
        _log.error("unforeseen in a picture decoder: %s", reply.message)
    return InvalidImageError(f"{label} cannot be decoded.")


def _busy() -> QueueFullError:
    return QueueFullError("Too many pictures are waiting to be read.", retry_after_s=2.0, hint="Try again.")
