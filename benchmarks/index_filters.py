"""Recall and time of filtered searches: index_filters.py [NUM_ITEMS] [FOLDER] [KIND ...].

Each kind of index is built and planned as at publishing, then asked held-out queries under filters that it was not
planned with: allowed items spread by chance, and gathered in a few regions of the vectors.
Shapes: B queries, K results.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.index_curve import DIM, NUM_CLUSTERS, clustered
from benchmarks.result import Cell, Result
from index.build import Config, build
from index.exact import ExactIndex
from index.filter_plan import Layout, allowed_rows
from index.kinds import Kind
from index.row_set import RowSet

K, NUM_TUNING, NUM_QUERIES, NUM_SETS, FLOOR = 100, 300, 20, 4, 0.99
SHARES = (0.001, 0.01, 0.1, 0.2, 0.5, 0.9)


class Filtered(NamedTuple):
    """One filter; true_scores: float32 [B, K] by brute force, brute_us: CPU time of finding them, one query each."""

    share: float
    layout: Layout
    allowed: RowSet
    true_scores: NDArray[np.float32]
    brute_us: float


def filters(exact: ExactIndex, queries: NDArray[np.float32]) -> Iterator[Filtered]:
    """All filters with their true answers."""
    rng = np.random.default_rng(7)
    for share in SHARES:
        for layout in Layout:
            for _ in range(NUM_SETS):
                mask = np.zeros(exact.num_items, dtype=np.bool_)
                mask[allowed_rows(exact.items, share, layout, rng).rows] = True
                allowed = RowSet.where(mask)
                started = time.thread_time()
                scores = np.concatenate([exact.search(query[None], K, allowed).scores for query in queries])
                yield Filtered(share, layout, allowed, scores, (time.thread_time() - started) / len(queries) * 1e6)


def main(num_items: int, folder: Path | None, kinds: Sequence[str]) -> None:
    """One row a kind, share and layout."""
    faiss.omp_set_num_threads(1)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(NUM_CLUSTERS, DIM))
    items, queries = clustered(num_items, rng, centres), clustered(NUM_TUNING + NUM_QUERIES, rng, centres)
    rows = np.arange(num_items)
    asked = list(filters(ExactIndex.build(rows, items), queries[NUM_TUNING:]))
    table: list[tuple[str | int | float, ...]] = []
    for kind in kinds:
        config = Config(k=K, recall_floor=FLOOR, exact_up_to=0, kinds=(kind,))
        built = build(rows, items, queries[:NUM_TUNING], config)
        for share in SHARES:
            for layout in Layout:
                chosen = [each for each in asked if (each.share, each.layout) == (share, layout)]
                recall, least, times_us = [], K, []
                for each in chosen:
                    for query, true in zip(queries[NUM_TUNING:], each.true_scores, strict=True):
                        started = time.thread_time()
                        found = built.index.search(query[None], K, each.allowed)
                        times_us.append((time.thread_time() - started) * 1e6)
                        recall.append(float(np.mean(found.scores[0] >= true[-1] - 1e-6)))
                        least = min(least, found.rows.shape[1])
                brute_us = float(np.mean([each.brute_us for each in chosen]))
                name = f"{kind} {built.report.chosen.effort}"
                allows = f"{share:.1%}"
                row = (name, allows, layout.value, round(float(np.mean(recall)), 4), least, round(np.mean(times_us)))
                table.append((*row, round(brute_us)))
                print(table[-1], file=sys.stderr, flush=True)
    facts: dict[str, Cell] = {
        "vectors": f"{num_items:,} clustered unit vectors x {DIM}",
        "filters": f"{NUM_SETS} of each kind, {NUM_QUERIES} queries each",
        "lowest recall": min(float(row[3]) for row in table),
        "fewest results": min(int(row[4]) for row in table),
    }
    columns = ("index", "allowed", "layout", f"recall@{K}", "fewest results", "us CPU, mean", "brute force")
    Result("Index under filters", facts, columns, table).write(folder)


if __name__ == "__main__":
    words = sys.argv[1:]
    named = [word for word in words if word in set(Kind)]
    where = [word for word in words if word not in set(Kind)]
    size = int(where[0]) if where else 1_000_000
    main(size, Path(where[1]) if len(where) > 1 else None, named or Config().kinds)
