"""What the session tells: NDCG@10 of the next choice with the newest events of the session, and without them.

Run: python benchmarks/in_session.py BUNDLE QUERIES STREAM TARGETS [number of queries]

The session's items are those that a query excludes; without the newest three of them in its history the viewer is the
same, asks at the same time and gets none of them either. The difference is paired by query.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from serving.assembly import assemble
from serving.bundle import Bundle
from serving.recommender import Recommender
from towers.query import Query
from training.query_file import QueryFile
from training.replay import Replay

NUM_EVENTS: Final = 3
NUM_DRAWS: Final = 2_000


class Gains(NamedTuple):
    """NDCG@10 of one query, and how many events of the session it told."""

    having: float
    lacking: float
    num_told: int


def main(bundle: str, queries: str, stream: str, targets: str, most: str = "6000") -> None:
    """Print both figures and the gain, by the length of the session too."""
    recommender = assemble(Bundle.load(Path(bundle)))
    table = pq.read_table(targets)
    wanted = dict(zip(table["query_id"].to_pylist(), table["item_id"].to_pylist(), strict=True))
    file = QueryFile.open(Path(queries), recommender.bundle.spec)
    chosen = set(np.random.default_rng(0).permutation(sorted(wanted))[: int(most)].tolist())
    asked = ((query_id, query) for query_id, query in file.in_time_order() if query_id in chosen)
    replay = Replay.open(stream, recommender.bundle.spec.ts_unit_ms, recommender.state)
    with threadpool_limits(1, "blas"):
        found = list(gains(recommender, replay.before_each(asked), wanted))
    told = np.array([each.num_told for each in found])
    ndcg = np.array([each[:2] for each in found])
    for name, part in (("all", told > 0), *((f"{n} told", told == n) for n in range(1, NUM_EVENTS + 1))):
        if part.any():
            print(f"{name:8s} {summary(ndcg[part])}")


def gains(recommender: Recommender, asked: Iterator[tuple[int, Query]], wanted: dict[int, str]) -> Iterator[Gains]:
    """Each query asked twice of the same state."""
    for query_id, query in asked:
        num_told = len(in_session(query))
        answers = [recommender.recommend(each, 10).items for each in (query, without(query, num_told))]
        having, lacking = (ndcg_of(items, wanted[query_id]) for items in answers)
        yield Gains(having, lacking, num_told)


def in_session(query: Query) -> tuple[str, ...]:
    """The newest items of the history that belong to the session, three at most."""
    history = query.history or ()
    newest = history[-NUM_EVENTS:]
    inside = [item in query.exclude for item in newest]
    first = max((place + 1 for place, is_inside in enumerate(inside) if not is_inside), default=0)
    return tuple(newest[first:])


def without(query: Query, num_events: int) -> Query:
    """The query with so many events less at the end of its history."""
    history, times = query.history or (), query.history_ts_ms or ()
    end = len(history) - num_events
    return replace(query, history=history[:end], history_ts_ms=times[:end])


def ndcg_of(items: tuple[str, ...], target: str) -> float:
    """NDCG@10 of a list with one right answer."""
    return float(1 / np.log2(items.index(target) + 2)) if target in items else 0.0


def summary(ndcg: NDArray[np.float64]) -> str:
    """Means of both columns [Q, 2] and the relative gain with its 95 % interval over resampled queries."""
    weights = np.random.default_rng(1).poisson(1, (NUM_DRAWS, len(ndcg)))
    means = weights @ ndcg
    low, high = np.quantile(means[:, 0] / means[:, 1] - 1, [0.025, 0.975])
    having, lacking = ndcg.mean(axis=0)
    return (
        f"{len(ndcg)} queries, NDCG@10 {having:.4f} with, {lacking:.4f} without: "
        f"{100 * (having / lacking - 1):+.1f} % [{100 * low:+.1f}, {100 * high:+.1f}]"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
