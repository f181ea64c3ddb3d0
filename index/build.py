"""Choose the index: measure recall and time of each candidate at the k in use, take the cheapest good one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from index.exact import EXACT, ExactIndex
from index.faiss_index import Config as FaissConfig
from index.faiss_index import FaissIndex, single_thread
from index.filter_plan import TIE, FilterReport, plan
from index.kinds import EFFORTS, Kind

ENOUGH: Final = 0.9999
"""Recall from which more effort is not tried."""
PATIENCE: Final = 2.0
"""A kind that takes this many times as long as one that is good already is not climbed further."""

Clock = Callable[[], float]
Candidate = ExactIndex | FaissIndex


class RecallError(ValueError):
    """No candidate reaches the floor."""


@dataclass(frozen=True)
class Config:
    """Up to `exact_up_to` items brute force is taken without a contest; above, the `kinds` compete.

    `k` is the number of candidates a request asks for. HNSW is not among the defaults: on normalised clustered vectors
    it was slower than IVF at equal recall, stuck below .99, and took longest to build.
    """

    k: int = 100
    recall_floor: float = 0.99
    exact_up_to: int = 50_000
    kinds: tuple[str, ...] = (Kind.IVF_SQ_FP16, Kind.PQ_FAST_SCAN, Kind.SQ_FP16)
    max_queries: int = 500


@dataclass(frozen=True)
class CurvePoint:
    """One candidate. effort: see `Kind`. recall: at k, ties counted as right. us_a_query: median, one thread."""

    kind: str
    effort: int
    recall: float
    us_a_query: float
    build_s: float
    num_bytes: int


@dataclass(frozen=True)
class BuildReport:
    """What was measured and taken; goes into the manifest."""

    k: int
    recall_floor: float
    num_items: int
    num_queries: int
    chosen: CurvePoint
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True, eq=False)
class BuiltIndex:
    """The index to publish and why. filters: how it searches among allowed items; None where all is brute force."""

    index: Candidate
    report: BuildReport
    filters: FilterReport | None = None


def build(
    rows: ArrayLike, vectors: ArrayLike, held_out_queries: ArrayLike, config: Config, clock: Clock = time.perf_counter
) -> BuiltIndex:
    """The cheapest index over vectors [N, D] whose recall@k on the queries [B, D] meets the floor.

    `rows` [N] are item rows. A `RecallError` tells the best recall seen when none meets it.
    """
    started = clock()
    exact = ExactIndex.build(rows, vectors)
    build_s = clock() - started
    queries = _sample(exact.items.checked(held_out_queries, config.k), config.max_queries)
    if len(queries) == 0 or exact.num_items == 0:
        raise ValueError(f"{exact.num_items} items and {len(queries)} held-out queries; give at least one of each")
    contest = _Contest(exact, queries, exact.search(queries, config.k).scores[:, -1], build_s, config, clock)
    results = list(contest.results())
    index, chosen = _cheapest(results, config)
    curve = tuple(point for _, point in results)
    report = BuildReport(config.k, config.recall_floor, exact.num_items, len(queries), chosen, curve)
    if isinstance(index, ExactIndex):
        return BuiltIndex(index, report)
    planned = plan(index, queries, config.recall_floor, clock)
    return BuiltIndex(planned.index, report, planned.report)


class _Contest(NamedTuple):
    """What every candidate is measured against. worst: float32 [B], true score of the K-th best item."""

    exact: ExactIndex
    queries: NDArray[np.float32]
    worst: NDArray[np.float32]
    exact_build_s: float
    config: Config
    clock: Clock

    def results(self) -> Iterator[tuple[Candidate, CurvePoint]]:
        """Every candidate that may win."""
        is_small = self.exact.num_items <= self.config.exact_up_to
        fastest_us = math.inf
        if is_small or EXACT in self.config.kinds:
            yield (
                self.exact,
                self.measure(self.exact, CurvePoint(EXACT, 1, 1.0, 0.0, self.exact_build_s, self.exact.num_bytes)),
            )
        for kind in [] if is_small else _faiss_kinds(self.config):
            for candidate, point in self.climb(kind, fastest_us):
                yield candidate, point
                if point.recall >= self.config.recall_floor:
                    fastest_us = min(fastest_us, point.us_a_query)

    def climb(self, kind: Kind, fastest_us: float) -> Iterator[tuple[Candidate, CurvePoint]]:
        """One structure under rising effort, until more would not help or takes longer than what is good already."""
        started = self.clock()
        index = FaissIndex.over(self.exact.items, FaissConfig(kind, k=self.config.k))
        build_s, num_bytes = self.clock() - started, index.num_bytes
        for effort in EFFORTS[kind]:
            candidate = index.with_effort(effort)
            point = self.measure(candidate, CurvePoint(kind, effort, 0.0, 0.0, build_s, num_bytes))
            yield candidate, point
            if point.recall >= ENOUGH or point.us_a_query > PATIENCE * fastest_us:
                return

    def measure(self, index: Candidate, point: CurvePoint) -> CurvePoint:
        """Search one query at a time in one thread, as a server does."""
        times_s, num_right, num_found = [], 0, 0
        with single_thread():
            index.search(self.queries[:1], self.config.k)
            for query, worst in zip(self.queries, self.worst, strict=True):
                started = self.clock()
                rows = index.search(query[None], self.config.k).rows[0]
                times_s.append(self.clock() - started)
                true = self.exact.items.scores(query, self.exact.items.places(rows))
                num_right += int(np.count_nonzero(true >= worst - TIE))
                num_found += len(rows)
        us_a_query = float(np.median(times_s) * 1e6)
        return replace(point, recall=num_right / num_found, us_a_query=us_a_query)


def _sample(queries: NDArray[np.float32], at_most: int) -> NDArray[np.float32]:
    """Evenly spread queries."""
    return queries[np.linspace(0, len(queries) - 1, min(at_most, len(queries))).astype(np.int64)]


def _faiss_kinds(config: Config) -> list[Kind]:
    unknown = set(config.kinds) - set(Kind) - {EXACT}
    if unknown:
        raise ValueError(f"index kind {min(unknown)!r} is unknown; choose from {', '.join([EXACT, *Kind])}")
    return [Kind(kind) for kind in config.kinds if kind != EXACT]


def _cheapest(results: list[tuple[Candidate, CurvePoint]], config: Config) -> tuple[Candidate, CurvePoint]:
    good = [result for result in results if result[1].recall >= config.recall_floor]
    if good:
        return min(good, key=lambda result: result[1].us_a_query)
    if not results:
        raise RecallError("no index kind is given; add 'exact' to the kinds")
    best = max((point for _, point in results), key=lambda point: point.recall)
    raise RecallError(
        f"the best index ({best.kind}, effort {best.effort}) finds {best.recall:.4f} of the true {config.k} best, "
        f"below recall_floor {config.recall_floor}; add 'exact' to the kinds or lower the floor"
    )
