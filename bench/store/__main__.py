"""The store's transfer beside curl and beside both hubs' own clients: `just bench store`.

Rounds are paired: in each every contender runs once, in an order that turns, and its ratio to the round's
reference is taken. Medians are reported, and everything that was measured is written to --json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.store import delta
from bench.store.server import nginx, random_file

SMALL_BYTES = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    40_000,
    80_000,
    160_000,
    400_000,
    800_000,
    1_600_000,
    7_000_000,
]


class Run(NamedTuple):
    """took_s: the call alone. whole_s: with Python's start and the imports, what a person waits for.

    cpu_s: of the process and its children, in the program and in the kernel; curl has no call of its own.
    """

    took_s: float
    whole_s: float
    cpu_s: float


def timed(name: str, url: str, target: Path, *more: str) -> Run:
    shutil.rmtree(target, ignore_errors=True)
    if name == "curl":
        target.mkdir(parents=True)
        words = ["curl", "--silent", "--fail", "--output", str(target / "big"), url]
    else:
        words = [sys.executable, "-m", "bench.store.clients", name, url, str(target), *more]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began_s = time.perf_counter()
    done = subprocess.run(
        words,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"},
    )
    whole_s = time.perf_counter() - began_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took_s = whole_s if name == "curl" else float(json.loads(done.stdout.splitlines()[-1])["took_s"])
    shutil.rmtree(target, ignore_errors=True)
    # What is still to be written of this one shall not slow the next.
    os.sync()
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(took_s, whole_s, cpu_s)


def rounds(contenders: dict[str, tuple[str, ...]], target: Path, count: int) -> dict[str, list[Run]]:
    """What was measured by contender; the first round warms up and is left out."""
    found: dict[str, list[Run]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(count + 1):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            run = timed(name, contenders[name][0], target, *contenders[name][1:])
            print(
                f"  round {number} {name}: {run.took_s:.2f} s, whole {run.whole_s:.2f}, CPU {run.cpu_s:.2f}",
                file=sys.stderr,
            )
            if number:
                found[name].append(run)
    return found


def table(found: dict[str, list[Run]], reference: str, size_bytes: int) -> list[str]:
    lines = [
        f"| | median s | MB/s | {reference} / it, paired | whole process s | paired | CPU s | paired |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in found.items():
        took_s, whole_s, cpu_s = (statistics.median(column) for column in zip(*runs, strict=True))
        took, whole, cpu = (
            statistics.median(
                theirs[at] / own[at] for theirs, own in zip(found[reference], runs, strict=True)
            )
            for at in range(3)
        )
        lines.append(
            f"| {name} | {took_s:.2f} | {size_bytes / took_s / 1e6:,.0f} | {took:.2f} "
            f"| {whole_s:.2f} | {whole:.2f} | {cpu_s:.2f} | {cpu:.2f} |"
        )
    return lines


def of_update(update: dict[str, float]) -> str:
    whole = update["model_bytes"]
    return (
        f"Update of the vision tower ({update['vision_bytes'] / whole:.2%} of {whole / 1e6:,.0f} MB): "
        f"{update['moved_by_name_bytes'] / whole:.2%} moved by tensor names, "
        f"{update['moved_by_lock_bytes'] / whole:.2%} by the lock's digests. Two snapshots of "
        f"{update['logical_bytes'] / 1e6:,.0f} MB occupy {update['stored_bytes'] / 1e6:,.0f} MB "
        f"({update['saved_bytes'] / update['logical_bytes']:.1%} saved)."
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.store", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--big-mib", type=int, default=2048)
    parser.add_argument("--large-mib", type=int, default=256, help="each of the four large files")
    parser.add_argument("--scale", type=int, default=64, help="the synthetic 8B divided by this")
    parser.add_argument("--directory", type=Path, help="where files are written; needs three times --big-mib")
    parser.add_argument(
        "--only",
        choices=("file", "models", "update"),
        nargs="*",
        default=("file", "models", "update"),
        help="one file beside curl, many beside the hubs' clients, the bytes that an update moves",
    )
    parser.add_argument("--hub", choices=("huggingface", "modelscope"), nargs="*", help="of --only models")
    parser.add_argument("--json", type=Path, default=Path("bench-store.json"))
    asked = parser.parse_args()
    result: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "rounds": asked.rounds,
    }
    said: list[str] = []
    with tempfile.TemporaryDirectory(dir=asked.directory) as name:
        directory = Path(name)
        (directory / "files").mkdir()
        (directory / "tmp").mkdir()
        if "file" in asked.only:
            result["one_file"], lines = one_file(directory, asked.big_mib, asked.rounds)
            said += lines
        if "models" in asked.only:
            hubs = asked.hub or ["huggingface", "modelscope"]
            result["model"], lines = models(directory, hubs, asked.large_mib, asked.rounds)
            said += lines
    if "update" in asked.only:
        result["update"] = update = delta.measure(asked.scale)
        said.append(of_update(update))
    asked.json.write_text(json.dumps(result, indent=1), "utf-8")
    print("\n".join(said))


def one_file(directory: Path, big_mib: int, count: int) -> tuple[dict[str, list[Run]], list[str]]:
    size = big_mib * 1024 * 1024
    sha256 = random_file(directory / "files" / "big", size)
    with nginx(directory, {"big": (size, sha256)}) as url:
        big = f"{url}/files/big"
        contenders = {
            "curl": (big,),
            "file-4": (big, sha256, str(size)),
            "file-1": (big, sha256, str(size)),
        }
        found = rounds(contenders, directory / "target", count)
    (directory / "files" / "big").unlink()
    title = f"One file of {big_mib} MiB; ours hashes and syncs (`file-N`: N connections):"
    return found, [title, "", *table(found, "curl", size), ""]


def models(
    directory: Path, hubs: list[str], large_mib: int, count: int
) -> tuple[dict[str, list[Run]], list[str]]:
    files: dict[str, tuple[int, str]] = {}
    for number, small in enumerate(SMALL_BYTES):
        path = f"small-{number:02}.json"
        files[path] = (small, random_file(directory / "files" / path, small))
    for number in range(4):
        path, large = f"model-{number}.safetensors.bin", large_mib * 1024 * 1024
        files[path] = (large, random_file(directory / "files" / path, large))
    total = sum(size for size, _ in files.values())
    names = [name for hub in hubs for name in (f"huiyan-{hub}", f"{hub}-hub")]
    with nginx(directory, files) as url:
        found = rounds(dict.fromkeys(names, (url,)), directory / "target", count)
    said = [f"12 small and 4 large files, {total / 1e6:,.0f} MB:", ""]
    for hub in hubs:
        own = {name: runs for name, runs in found.items() if hub in name}
        said += [*table(own, f"{hub}-hub", total), ""]
    return found, said


if __name__ == "__main__":
    main()
