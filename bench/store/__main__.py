"""The store's transfer beside curl and beside both hubs' own clients: `just bench store`.

Rounds are paired: in each every contender runs once, in an order that turns, and its ratio to the round's
reference is taken. Medians are reported, and everything that was measured is written to --json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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

MODEL_CONTENDERS = ("huiyan-huggingface", "huggingface-hub", "huiyan-modelscope", "modelscope-hub")


def timed(name: str, url: str, target: Path, *more: str) -> float:
    shutil.rmtree(target, ignore_errors=True)
    if name == "curl":
        target.mkdir(parents=True)
        began_s = time.perf_counter()
        subprocess.run(["curl", "--silent", "--fail", "--output", str(target / "big"), url], check=True)
        took_s = time.perf_counter() - began_s
    else:
        done = subprocess.run(
            [sys.executable, "-m", "bench.store.clients", name, url, str(target), *more],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"},
        )
        took_s = float(json.loads(done.stdout.splitlines()[-1])["took_s"])
    shutil.rmtree(target, ignore_errors=True)
    # What is still to be written of this one shall not slow the next.
    os.sync()
    return took_s


def rounds(contenders: dict[str, tuple[str, ...]], target: Path, count: int) -> dict[str, list[float]]:
    """Seconds by contender; the first round warms up and is left out."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(count + 1):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            took_s = timed(name, contenders[name][0], target, *contenders[name][1:])
            print(f"  round {number} {name}: {took_s:.2f} s", file=sys.stderr)
            if number:
                found[name].append(took_s)
    return found


def table(found: dict[str, list[float]], reference: str, size_bytes: int) -> list[str]:
    lines = [f"| | median s | MB/s | {reference} / it, paired |", "|---|---|---|---|"]
    for name, seconds in found.items():
        ratio = statistics.median(theirs / own for theirs, own in zip(found[reference], seconds, strict=True))
        median = statistics.median(seconds)
        lines.append(f"| {name} | {median:.2f} | {size_bytes / median / 1e6:,.0f} | {ratio:.2f} |")
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
    parser.add_argument("--json", type=Path, default=Path("bench-store.json"))
    asked = parser.parse_args()
    result: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "rounds": asked.rounds,
    }
    with tempfile.TemporaryDirectory(dir=asked.directory) as name:
        directory = Path(name)
        (directory / "files").mkdir()
        (directory / "tmp").mkdir()
        target = directory / "target"
        size = asked.big_mib * 1024 * 1024
        sha256 = random_file(directory / "files" / "big", size)
        with nginx(directory, {"big": (size, sha256)}) as url:
            big = f"{url}/files/big"
            one_file = rounds(
                {
                    "curl": (big,),
                    "file-4": (big, sha256, str(size)),
                    "file-1": (big, sha256, str(size)),
                },
                target,
                asked.rounds,
            )
        (directory / "files" / "big").unlink()
        files: dict[str, tuple[int, str]] = {}
        for number, small in enumerate(SMALL_BYTES):
            path = f"small-{number:02}.json"
            files[path] = (small, random_file(directory / "files" / path, small))
        for number in range(4):
            path, large = f"model-{number}.safetensors.bin", asked.large_mib * 1024 * 1024
            files[path] = (large, random_file(directory / "files" / path, large))
        total = sum(size for size, _ in files.values())
        with nginx(directory, files) as url:
            model = rounds(
                dict.fromkeys(MODEL_CONTENDERS, (url,)),
                target,
                asked.rounds,
            )
    update = delta.measure(asked.scale)
    result |= {"one_file_s": one_file, "model_s": model, "update": update}
    asked.json.write_text(json.dumps(result, indent=1), "utf-8")
    print(
        "\n".join(
            [
                f"One file of {asked.big_mib} MiB; ours hashes and syncs (`file-N`: N connections):",
                "",
                *table(one_file, "curl", size),
                "",
                f"12 small and 4 large files, {total / 1e6:,.0f} MB:",
                "",
                *table({k: v for k, v in model.items() if "hugging" in k}, "huggingface-hub", total),
                "",
                *table({k: v for k, v in model.items() if "modelscope" in k}, "modelscope-hub", total),
                "",
                of_update(update),
            ]
        )
    )


if __name__ == "__main__":
    main()
