# SPDX-License-Identifier: Apache-2.0
"""Many small files: `tinify compress DIR OUT --engine ...` on one core and on two.

    python benchmarks/scale_out.py                          10,000 files, processes with one worker and with two
    python benchmarks/scale_out.py --files 2000 --runs serial:1 processes:1 processes:2 ray:2
    python benchmarks/scale_out.py --files 600 --kill-a-node   Ray, two nodes of one processor, one of them killed

The files are small crops of generated pictures and, one in ten, short series as CSV. Each run is the command line in a
process of its own, start and end included, into an empty folder; `cpu` are the processor seconds of it and its workers,
which other work on the machine hardly changes. Every run must write the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

PER_FOLDER = 500


def make_files(folder: Path, count: int, seed: int = 0) -> None:
    """Crops of 24 to 64 pixels a side of four large pictures of smooth noise; every tenth file a walk of 50 to 150
    rows."""
    random = np.random.default_rng(seed)
    pages = [page(random, 512) for _ in range(4)]
    for n in range(count):
        place = folder / f"{n // PER_FOLDER:03}"
        place.mkdir(parents=True, exist_ok=True)
        if n % 10 == 9:
            walk = random.normal(size=(random.integers(50, 150), 2)).cumsum(0)
            np.savetxt(place / f"{n:06}.csv", walk, "%.2f", ",", header="a,b", comments="")
            continue
        (height, width), picture = random.integers(24, 64, 2), pages[n % 4]
        top, left = random.integers(0, 512 - 64, 2)
        Image.fromarray(picture[top : top + height, left : left + width]).save(place / f"{n:06}.png", compress_level=1)


def page(random: np.random.Generator, side: int) -> np.ndarray:
    """(side, side, 3) uint8 with the spectrum of a photo, amplitude as 1 / frequency."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]) + 1 / side
    noise = random.normal(size=(3, side, side // 2 + 1, 2)).view(complex)[..., 0]
    x = np.fft.irfft2(noise / frequency, (side, side)).transpose(1, 2, 0)
    return np.clip(128 + 50 * x / x.std(), 0, 255).astype(np.uint8)


def run(folder: Path, out: Path, engine: str, workers: str, codec: list[str]) -> tuple[float, float, str]:
    """(wall seconds, processor seconds, hash of what was written)"""
    shutil.rmtree(out, ignore_errors=True)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = ["-c", "from tinify.cli.main import main; main()"]
    command += ["compress", str(folder), str(out), "--engine", engine, "--jobs", workers, *codec]
    subprocess.run([sys.executable, *command], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, hash_of(out)


def hash_of(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.tnf")):
        found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:12]


def table(folder: Path, out: Path, runs: list[str], codec: list[str], count: int) -> None:
    first = None
    print(f"{'engine':10} {'workers':>7} {'wall s':>8} {'cpu s':>8} {'files/s':>8} {'speed-up':>8}  written")
    for name in runs:
        engine, _, workers = name.partition(":")
        wall, cpu, written = run(folder, out, engine, workers, codec)
        first = first or (wall, written)
        print(f"{engine:10} {workers:>7} {wall:8.1f} {cpu:8.1f} {count / wall:8.1f} {first[0] / wall:8.2f}  {written}")
        if written != first[1]:
            raise SystemExit("the runs wrote different bytes")


def kill_a_node(folder: Path, out: Path, codec: str | None, count: int) -> None:
    """Two nodes of one processor each beside a head of none; the second goes when a third of the files is done."""
    import ray
    from ray.cluster_utils import Cluster

    from tinify import api, container
    from tinify.scale_out import Settings, run

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False)
    killed = threading.Event()

    def progress(summary, total):
        if summary.done > count // 3 and not killed.is_set():
            killed.set()
            print(f"killed a node of {len(nodes)} when {summary.done} of {total} files were done", flush=True)
            cluster.remove_node(nodes[1], allow_graceful=False)

    start = time.perf_counter()
    summary = run(folder, out, Settings(codec=codec), engine="ray", progress=progress)
    print(f"done {summary.done}, failed {len(summary.failed)}, {time.perf_counter() - start:.1f} s")
    ray.shutdown()
    cluster.shutdown()
    written = sorted(out.rglob("*.tnf"))
    for path in written:
        api.decompress_signal(path.read_bytes()) if len(written) < 1000 else container.unpack(path.read_bytes())
    left = [path for path in out.rglob("*") if path.name.startswith(".tinify-partial")]
    print(f"{len(written)} of {count} files are there and whole, {len(left)} half-written")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--runs", nargs="+", default=["processes:1", "processes:2"], metavar="ENGINE:WORKERS")
    parser.add_argument("--codec", help="By default the one for each kind of file; another takes the pictures only.")
    parser.add_argument("--folder", type=Path, help="To work in, kept; by default a temporary one.")
    parser.add_argument("--kill-a-node", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)) / "in"
        make_files(folder, given.files)
        out = folder.parent / "out"
        if given.kill_a_node:
            kill_a_node(folder, out, given.codec, given.files)
        else:
            table(folder, out, given.runs, ["--codec", given.codec] if given.codec else [], given.files)


if __name__ == "__main__":
    main()
