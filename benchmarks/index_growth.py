"""Memory, build time and time a search as the catalogue grows: index_growth.py [FOLDER] [NUM_ITEMS ...].

Each size is built, saved and loaded by processes of its own, as a server's workers would. USS is what one more worker
costs, PSS its share of what all map; both count from before the load. Beyond the largest size the figures follow
a power law through the last two: measured = a N^b.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

import index
from benchmarks.index_curve import DIM, NUM_CLUSTERS, clustered
from benchmarks.result import Cell, Result
from index.build import Config, build

SIZES, EXTRAPOLATED = (10_000, 30_000, 100_000, 300_000, 1_000_000), 10_000_000
K, NUM_QUERIES, NUM_WORKERS = 100, 400, 3
KINDS = ("Private_", "Pss:")
FIGURES = (
    "build s CPU",
    "contest s CPU",
    "files MB",
    "load ms",
    "us CPU a query",
    "USS MB of a worker",
    "PSS MB of a worker",
)


def data(num_items: int) -> tuple[Any, Any]:
    """Items and queries."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(NUM_CLUSTERS, DIM))
    return clustered(num_items, rng, centres), clustered(NUM_QUERIES, rng, centres)


def make(num_items: int, folder: Path) -> None:
    """Build, save, and print what it took as JSON."""
    items, queries = data(num_items)
    started = time.process_time()
    built = build(np.arange(num_items), items, queries[: NUM_QUERIES // 2], Config(k=K), time.process_time)
    contest_s = time.process_time() - started
    built.index.save(folder)
    np.save(folder / "queries.npy", queries[NUM_QUERIES // 2 :])
    chosen = built.report.chosen
    print(json.dumps([f"{chosen.kind} {chosen.effort}", chosen.recall, chosen.build_s, contest_s]))


def work(folder: Path) -> None:
    """Load as a worker does, search, tell, and wait until all have searched."""
    idle_mb = [memory_mb(kind) for kind in KINDS]
    started = time.perf_counter()
    held = index.load(folder)
    load_ms = (time.perf_counter() - started) * 1000
    times_us = []
    for query in np.load(folder / "queries.npy"):
        held.search(query[None], K)
        started = time.thread_time()
        held.search(query[None], K)
        times_us.append((time.thread_time() - started) * 1e6)
    print("ready", flush=True)
    sys.stdin.readline()
    used_mb = [memory_mb(kind) - idle for kind, idle in zip(KINDS, idle_mb, strict=True)]
    print(json.dumps([load_ms, float(np.median(times_us)), *used_mb]), flush=True)
    sys.stdin.readline()


def memory_mb(kind: str) -> float:
    """Of this process, from /proc: the sum of the lines that begin so."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1000


def measured(num_items: int) -> tuple[str, float, list[float]]:
    """Choice, recall and FIGURES of one size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "index"
        folder.mkdir()
        command = [sys.executable, __file__]
        made = subprocess.run(  # noqa: S603 - this file
            [*command, "make", str(num_items), str(folder)], capture_output=True, text=True, check=True
        )
        choice, recall, build_s, contest_s = json.loads(made.stdout)
        files_mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        workers = [
            subprocess.Popen(  # noqa: S603 - this file
                [*command, "work", str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(NUM_WORKERS)
        ]
        heard = [worker.stdout for worker in workers if worker.stdout is not None]
        for output in heard:
            output.readline()
        for worker in workers:
            print("tell", file=worker.stdin, flush=True)
        told = [json.loads(output.readline()) for output in heard]
        for worker in workers:
            worker.communicate("end\n")
    load_ms, us, uss_mb, pss_mb = np.median(told, axis=0).tolist()
    return choice, recall, [build_s, contest_s, files_mb, load_ms, us, uss_mb, pss_mb]


def main(folder: Path | None, sizes: list[int]) -> None:
    """Print and keep the table."""
    faiss.omp_set_num_threads(1)
    results = {}
    for size in sizes:
        results[size] = measured(size)
        print(size, results[size], file=sys.stderr, flush=True)
    rows: list[tuple[Cell, ...]] = [
        (f"{size:,}", choice, round(recall, 4), *(round(v, 1) for v in figures))
        for size, (choice, recall, figures) in results.items()
    ]
    if len(sizes) > 1:
        (n, (_, _, before)), (m, (_, _, last)) = list(results.items())[-2:]
        powers = [np.log(max(b, 1e-9) / max(a, 1e-9)) / np.log(m / n) for a, b in zip(before, last, strict=True)]
        grown = [value * (EXTRAPOLATED / m) ** power for value, power in zip(last, powers, strict=True)]
        rows.append((f"{EXTRAPOLATED:,} extrapolated", "", "", *(round(float(v), 1) for v in grown)))
        rows.append(("exponent b of N^b", "", "", *(round(float(power), 2) for power in powers)))
    facts: dict[str, Cell] = {"vectors": f"clustered unit vectors x {DIM}", "k": K, "workers": NUM_WORKERS}
    Result("Index as the catalogue grows", facts, ("items", "choice", f"recall@{K}", *FIGURES), rows).write(folder)


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["make"]:
        faiss.omp_set_num_threads(1)
        make(int(words[1]), Path(words[2]))
    elif words[:1] == ["work"]:
        faiss.omp_set_num_threads(1)
        work(Path(words[1]))
    else:
        where = [word for word in words if not word.isdigit()]
        main(Path(where[0]) if where else None, [int(word) for word in words if word.isdigit()] or list(SIZES))
