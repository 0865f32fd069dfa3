"""What is measured of one gateway: a function for each column, giving figures with units in their names."""

from __future__ import annotations

import asyncio
import base64
import io
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from PIL import Image

from bench.gateway import load
from bench.gateway.engine import MockEngine, Plan
from bench.gateway.load import percentile
from bench.gateway.processes import Running

Figures = dict[str, float]
MIB = 1024 * 1024
_US = 1000.0  # nanoseconds


@dataclass(frozen=True)
class Scale:
    """How much is sent; `quick` shows that everything works, `full` gives figures."""

    alone: int
    at_once: int
    stream_chunks: int
    bodies: int
    idle_streams: int


SCALES = {
    "quick": Scale(alone=300, at_once=1500, stream_chunks=50, bodies=8, idle_streams=100),
    "full": Scale(alone=3000, at_once=15_000, stream_chunks=250, bodies=60, idle_streams=1000),
}


@dataclass
class Bench:
    engine: MockEngine
    scale: Scale


def small_chat(*, stream: bool = False) -> bytes:
    request = {
        "model": "bench",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Describe the product in the shop window in one short sentence."},
        ],
        "max_tokens": 64,
        "temperature": 0.7,
    }
    return msgspec.json.encode(request | ({"stream": True} if stream else {}))


def jpeg(size_bytes: int, seed: int) -> bytes:
    """A real photograph's weight and no metadata: blurred noise, its quality chosen by the size wanted."""
    noise = Image.frombytes("RGB", (400, 300), random.Random(seed).randbytes(400 * 300 * 3))
    picture = noise.resize((2400, 1800), Image.Resampling.BICUBIC)
    data = b""
    for quality in range(98, 30, -2):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        data = buffer.getvalue()
        if len(data) <= size_bytes:
            break
    return data


def picture_chat(pictures: list[bytes]) -> bytes:
    parts: list[dict] = [
        {
            "type": "image_url",
            "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(data).decode()},
        }
        for data in pictures
    ]
    parts.append({"type": "text", "text": "Describe it."})
    return msgspec.json.encode(
        {"model": "bench", "messages": [{"role": "user", "content": parts}], "max_tokens": 64}
    )


def _text_chat(size_bytes: int) -> bytes:
    """A body of this size without a picture: what carrying it costs, and nothing else."""
    text = base64.b64encode(random.Random(1).randbytes(size_bytes * 3 // 4)).decode()
    return msgspec.json.encode(
        {"model": "bench", "messages": [{"role": "user", "content": text}], "max_tokens": 64}
    )


async def alone(bench: Bench, gateway: Running) -> Figures:
    """Latency added to one small JSON request at a time: through the gateway less straight to the engine."""
    count = bench.scale.alone
    body = small_chat()
    straight = load.request(bench.engine.port, body, key=gateway.key)
    through = load.request(gateway.port, body, key=gateway.key)
    await load.closed_loop(gateway.port, through, at_once=1, total=max(20, count // 10))
    await load.closed_loop(bench.engine.port, straight, at_once=1, total=max(20, count // 10))
    direct = await load.closed_loop(bench.engine.port, straight, at_once=1, total=count)
    sample = await load.closed_loop(gateway.port, through, at_once=1, total=count)
    return {
        "p50_us": (percentile(sample.latencies_ns, 0.5) - percentile(direct.latencies_ns, 0.5)) / _US,
        "p99_us": (percentile(sample.latencies_ns, 0.99) - percentile(direct.latencies_ns, 0.99)) / _US,
    }


async def at_32(bench: Bench, gateway: Running) -> Figures:
    """Small JSON, 32 connections that never wait. A slow gateway gets fewer requests, not more time."""
    data = load.request(gateway.port, small_chat(), key=gateway.key)
    probe = await load.closed_loop(gateway.port, data, at_once=32, total=64)
    total = int(min(bench.scale.at_once, max(64, probe.per_s * 4)))
    before_s = gateway.cpu_s()
    sample = await load.closed_loop(gateway.port, data, at_once=32, total=total)
    return {"per_s": sample.per_s, "cpu_us": (gateway.cpu_s() - before_s) / sample.requests * 1e6}


async def streaming(bench: Bench, gateway: Running) -> Figures:
    """64 streams with a chunk every 20 ms: how long a chunk is under way, and what it costs."""
    plan = bench.engine.plan = Plan(chunks=bench.scale.stream_chunks, interval_s=0.02)
    data = load.request(gateway.port, small_chat(stream=True), key=gateway.key)
    before_s = gateway.cpu_s()
    began_s = time.perf_counter()
    sample = await load.closed_loop(
        gateway.port, data, at_once=64, total=64, stagger_s=plan.interval_s / 64 * 1.02
    )
    wall_s = time.perf_counter() - began_s
    chunks = len(sample.transits_ns)
    planned_s = plan.chunks * plan.interval_s
    return {
        "p50_us": percentile(sample.transits_ns, 0.5) / _US,
        "p99_us": percentile(sample.transits_ns, 0.99) / _US,
        "cpu_us": (gateway.cpu_s() - before_s) / chunks * 1e6,
        "delivered": chunks / (64 * plan.chunks),
        "stretch": wall_s / planned_s,
    }


async def _bodies(bench: Bench, gateway: Running, data: bytes) -> Figures:
    await load.closed_loop(gateway.port, data, at_once=4, total=4)
    gateway.forget_peak()
    before_s = gateway.cpu_s()
    sample = await load.closed_loop(gateway.port, data, at_once=4, total=bench.scale.bodies)
    return {
        "per_s": sample.per_s,
        "cpu_ms": (gateway.cpu_s() - before_s) / sample.requests * 1e3,
        "peak_mib": gateway.peak_mib(),
    }


async def body_4_mib(bench: Bench, gateway: Running) -> Figures:
    """4 MiB of JSON without a picture, 4 at once."""
    return await _bodies(bench, gateway, load.request(gateway.port, _text_chat(4 * MIB), key=gateway.key))


def _decoding_cpu_ms(pictures: list[bytes]) -> float:
    """What Pillow alone needs for these pictures, here and now."""
    began_s = time.thread_time()
    for _ in range(3):
        for data in pictures:
            Image.open(io.BytesIO(data)).load()
    return (time.thread_time() - began_s) / 3 * 1e3


async def picture_4_mib(bench: Bench, gateway: Running) -> Figures:
    """4 MiB of JSON that are a JPEG. huiyan decodes it for true, which the others do not."""
    picture = jpeg(3 * MIB, seed=3)
    data = load.request(gateway.port, picture_chat([picture]), key=gateway.key)
    figures = await _bodies(bench, gateway, data)
    return figures | {"decoding_ms": _decoding_cpu_ms([picture])}


async def multipart(bench: Bench, gateway: Running) -> Figures:
    """A form with three JPEGs of 2 MiB, 4 at once; `less_decoding_ms`: CPU without Pillow's own part."""
    pictures = [jpeg(2 * MIB, seed) for seed in range(3)]
    boundary = uuid.uuid4().hex
    pieces = []
    for name, value in (("model", "bench"), ("prompt", "Describe it."), ("max_tokens", "64")):
        pieces.append(
            f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        )
    for number, picture in enumerate(pictures):
        head = (
            f'--{boundary}\r\ncontent-disposition: form-data; name="image"; filename="{number}.jpg"\r\n'
            "content-type: image/jpeg\r\n\r\n"
        )
        pieces += [head.encode(), picture, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    data = load.request(
        gateway.port, pieces, key=gateway.key, content_type=f"multipart/form-data; boundary={boundary}"
    )
    figures = await _bodies(bench, gateway, data)
    decoding_ms = _decoding_cpu_ms(pictures)
    return figures | {
        "decoding_ms": decoding_ms,
        "less_decoding_ms": figures["cpu_ms"] - decoding_ms,
    }


async def idle_streams(bench: Bench, gateway: Running) -> Figures:
    """Memory with many streams open that say nothing after their first chunk."""
    bench.engine.plan = Plan(idle=True)
    data = load.request(gateway.port, small_chat(stream=True), key=gateway.key)
    sample = load.Sample()
    failures: list[str] = []
    clients = [
        await load.connect(gateway.port, sample, lambda client: None, failures.append)
        for _ in range(bench.scale.idle_streams)
    ]
    try:
        for client in clients:
            client.ask(data)
        async with asyncio.timeout(120):
            while len(sample.transits_ns) < len(clients):
                if failures:
                    raise load.LoadError(failures[0])
                await asyncio.sleep(0.05)
        return {"mib": gateway.resident_mib(), "streams": float(len(clients))}
    finally:
        for client in clients:
            client.close()
        # The gateway has to notice before the next column begins.
        async with asyncio.timeout(60):
            while bench.engine.connections > 200:  # noqa: ASYNC110  # it takes as long as the gateway takes
                await asyncio.sleep(0.05)


Column = Callable[[Bench, Running], Awaitable[Figures]]

#: In the order in which they are run; memory of idle streams last, for what it leaves behind.
COLUMNS: dict[str, Column] = {
    "alone": alone,
    "at_32": at_32,
    "streaming": streaming,
    "body_4_mib": body_4_mib,
    "picture_4_mib": picture_4_mib,
    "multipart": multipart,
    "idle_streams": idle_streams,
}
