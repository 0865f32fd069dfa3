"""Processes that decode: a picture that hangs, crashes or wants all memory takes nothing with it."""

from __future__ import annotations

import fcntl
import io
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import psutil
import pytest
from PIL import Image

from huiyan.errors import (
    HuiyanError,
    ImageDecoderError,
    ImageTimeoutError,
    InvalidImageError,
    PayloadTooLargeError,
    QueueFullError,
)
from huiyan.gateway.pictures import wire
from huiyan.gateway.pictures.intake import prepare_image
from huiyan.gateway.pictures.limits import ImageLimits
from huiyan.gateway.pictures.pool import DecodePool
from tests.support.wait import wait_until

LIMITS = ImageLimits()
MIB = 1024 * 1024


def file(kind: str = "PNG", size: tuple[int, int] = (40, 24), **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def decoders() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "huiyan.gateway.pictures.decoder" in child.cmdline()
    ]


def _unread_bytes(pipe: int) -> int:
    (count,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return int(count)


@pytest.fixture
def pool() -> Iterator[DecodePool]:
    made = DecodePool(processes=2, max_decoded_bytes=512 * MIB, time_limit_s=60)
    yield made
    made.close()
    assert decoders() == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF"])
def test_a_process_does_what_intake_does_here(pool: DecodePool, kind: str) -> None:
    data = file(kind, comment=b"x") if kind == "JPEG" else file(kind)
    found = pool.decode(data, LIMITS, label="Picture 1")
    assert found == prepare_image(data, LIMITS)
    assert len(decoders()) == 1


def test_a_plain_picture_comes_back_as_the_same_object(pool: DecodePool) -> None:
    data = file()
    assert pool.decode(data, LIMITS, label="Picture 1").data is data


def test_refusals_come_back_as_they_were_meant_and_the_process_goes_on(pool: DecodePool) -> None:
    pool.warm()
    (process,) = decoders()
    with pytest.raises(InvalidImageError, match="Picture 7 is a PDF") as caught:
        pool.decode(b"%PDF-1.7", LIMITS, label="Picture 7")
    assert caught.value.hint == "Save its pages as PNG or JPEG."
    with pytest.raises(PayloadTooLargeError, match="40 x 24"):
        pool.decode(file(), ImageLimits(max_pixels=100), label="Picture 1")
    with pytest.raises(PayloadTooLargeError, match="bytes"):
        pool.decode(bytes(1000), ImageLimits(max_bytes=100), label="Picture 1")
    assert pool.decode(file(), LIMITS, label="Picture 1").width == 40
    assert decoders() == [process]


def test_a_process_that_hangs_is_killed_and_replaced() -> None:
    pool = DecodePool(processes=1, max_decoded_bytes=512 * MIB, time_limit_s=1.0)
    pool.warm()
    (process,) = decoders()
    process.suspend()
    with pytest.raises(ImageTimeoutError, match="longer than 1 s") as caught:
        pool.decode(file(), LIMITS, label="Picture 3")
    assert caught.value.hint
    assert not process.is_running()
    pool.warm()
    assert decoders() != [process]
    pool.close()


def test_a_process_that_dies_in_the_middle_costs_one_picture(pool: DecodePool) -> None:
    pool.warm()
    (process,) = decoders()
    stdin = pool._idle[0]._process.stdin
    assert stdin is not None
    process.suspend()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pool.decode, file(), LIMITS, label="Picture 2")
        wait_until(lambda: _unread_bytes(stdin.fileno()) > 0, "the process has its job", timeout_s=60)
        process.send_signal(signal.SIGKILL)
        with pytest.raises(ImageDecoderError, match="Picture 2 cannot be decoded"):
            waiting.result(timeout=60)
    assert pool.decode(file(), LIMITS, label="Picture 1").width == 40


def test_a_process_that_died_while_it_had_nothing_to_do_costs_nothing(pool: DecodePool) -> None:
    pool.warm()
    (process,) = decoders()
    process.kill()
    process.wait(30)
    assert pool.decode(file(), LIMITS, label="Picture 1").width == 40


def test_pictures_that_would_never_fit_into_memory_are_refused() -> None:
    pool = DecodePool(processes=1, max_decoded_bytes=MIB, time_limit_s=60)
    with pytest.raises(PayloadTooLargeError, match="to decode") as caught:
        pool.decode(file(size=(1000, 1000)), LIMITS, label="Picture 1")
    assert caught.value.hint
    assert pool.decode(file(), LIMITS, label="Picture 1").width == 40
    pool.close()


def test_pictures_that_do_not_fit_now_wait_until_they_do() -> None:
    data = file(size=(400, 400))
    need_bytes = 400 * 400 * 4 * 3
    pool = DecodePool(processes=4, max_decoded_bytes=need_bytes + 1, time_limit_s=60, wait_limit_s=60)
    pool._reserve(need_bytes)
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(pool.decode, data, LIMITS, label="Picture 1") for _ in range(3)]
        wait_until(lambda: pool._taken == 3, "three processes at work", timeout_s=60)
        assert not any(one.done() for one in waiting)
        with pool._changed:
            pool._decoded_bytes -= need_bytes
            pool._changed.notify_all()
        assert [one.result(timeout=60).width for one in waiting] == [400] * 3
    assert pool._decoded_bytes == 0
    pool.close()


def test_whoever_waits_too_long_is_told_to_come_back() -> None:
    pool = DecodePool(processes=1, max_decoded_bytes=512 * MIB, time_limit_s=60, wait_limit_s=0.05)
    pool.warm()
    process = pool._take()
    with pytest.raises(QueueFullError) as caught:
        pool.decode(file(), LIMITS, label="Picture 1")
    assert caught.value.retry_after_s > 0
    pool._give_back(process, 0)
    assert pool.decode(file(), LIMITS, label="Picture 1").width == 40
    pool.close()


def test_many_threads_share_few_processes(pool: DecodePool) -> None:
    good, bad = file("WEBP"), b"no picture"
    most = 0

    def work(number: int) -> str:
        nonlocal most
        most = max(most, len(decoders()))
        try:
            return str(pool.decode(bad if number % 3 == 0 else good, LIMITS, label=f"P{number}").width)
        except InvalidImageError as error:
            return error.message.split()[0]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(work, range(30)))
    assert found == [f"P{number}" if number % 3 == 0 else "40" for number in range(30)]
    assert most <= 2
    assert pool._taken == 0
    assert pool._decoded_bytes == 0


def test_idle_processes_are_let_go(pool: DecodePool) -> None:
    pool.warm()
    pool.reap(3600)
    assert len(decoders()) == 1
    pool.reap(-1)
    assert decoders() == []
    assert pool.decode(file(), LIMITS, label="Picture 1").width == 40


def test_a_closed_pool_takes_nothing() -> None:
    pool = DecodePool(processes=1, max_decoded_bytes=MIB)
    pool.close()
    with pytest.raises(HuiyanError):
        pool.decode(file(), LIMITS, label="Picture 1")


def test_a_pool_that_closes_lets_those_go_who_wait() -> None:
    pool = DecodePool(processes=1, max_decoded_bytes=MIB, wait_limit_s=600)
    process = pool._take()
    failed: list[BaseException] = []

    def wait() -> None:
        try:
            pool.decode(file(), LIMITS, label="Picture 1")
        except HuiyanError as error:
            failed.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    pool.close()
    thread.join(60)
    assert len(failed) == 1
    pool._give_back(process, 0)
    assert decoders() == []


def _start_decoder(time_limit_s: float = 60.0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "huiyan.gateway.pictures.decoder"]
    options = ["--memory-bytes", str(64 * MIB), "--time-limit-s", str(time_limit_s)]
    return subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def test_a_decoder_ends_with_its_gateway() -> None:
    decoder = _start_decoder()
    decoder.communicate(timeout=60)
    assert decoder.returncode == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
def test_a_decoder_without_a_gateway_does_not_work_for_ever() -> None:
    code = (
        "import signal, sys; from huiyan.gateway.pictures import decoder;"
        "decoder._Alarm(-2.9).set()\nwhile True: pass"
    )
    stuck = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert stuck.returncode == -signal.SIGALRM


@pytest.mark.skipif(sys.platform != "linux", reason="address space is bounded on Linux")
def test_a_decoders_memory_is_bounded_and_it_writes_no_files(tmp_path: Path) -> None:
    code = (
        "from huiyan.gateway.pictures import decoder; decoder._bound(64 * 2**20)\n"
        "try: bytes(700 * 2**20); print('all memory')\n"
        "except MemoryError: print('bounded')\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"f = open({str(tmp_path / 'f')!r}, 'wb', 0)\n"
        "try: f.write(b'x'); print('written')\n"
        "except OSError: print('no files')\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert found.stdout.split(b"\n")[:2] == [b"bounded", b"no files"]


def test_frames_that_are_nonsense_are_an_end() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb", buffering=0) as pipe, os.fdopen(write, "wb", buffering=0) as other:
        other.write(wire.LENGTH.pack(2**31))
        with pytest.raises(EOFError):
            wire.read_frame(pipe, msgspec.msgpack.Decoder(wire.Job))
