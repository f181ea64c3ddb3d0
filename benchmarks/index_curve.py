"""Recall and time of every index over clustered unit vectors: index_curve.py [NUM_ITEMS ...] [MORE_KINDS ...]."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from index.build import Config, build

DIM, NUM_CLUSTERS, NUM_QUERIES = 64, 300, 100


def clustered(num_vectors: int, rng: np.random.Generator, centres: NDArray[np.float64]) -> NDArray[np.float32]:
    """Unit vectors around centres, as wide as the centres are apart."""
    vectors = centres[rng.integers(len(centres), size=num_vectors)] + rng.normal(size=(num_vectors, DIM))
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def main(sizes: list[int], extra: list[str]) -> None:
    """Print one table a size."""
    config = Config(exact_up_to=0, kinds=("exact", "flat", *Config().kinds, *extra))
    for num_items in sizes:
        rng = np.random.default_rng(0)
        centres = rng.normal(size=(NUM_CLUSTERS, DIM))
        vectors, queries = clustered(num_items, rng, centres), clustered(NUM_QUERIES, rng, centres)
        report = build(np.arange(2, num_items + 2), vectors, queries, config).report
        print(f"\n{num_items} x {DIM}, k={report.k}, chosen: {report.chosen.kind} at {report.chosen.effort}")
        print(f"{'kind':14} {'effort':>6} {'recall':>7} {'us/query':>9} {'build s':>8} {'MB':>7}")
        for point in report.curve:
            print(
                f"{point.kind:14} {point.effort:6} {point.recall:7.4f} {point.us_a_query:9.0f} {point.build_s:8.2f} "
                f"{point.num_bytes / 1e6:7.1f}"
            )


if __name__ == "__main__":
    words = sys.argv[1:]
    main([int(word) for word in words if word.isdigit()] or [27_000, 200_000], [w for w in words if not w.isdigit()])
