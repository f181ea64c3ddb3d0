"""How many allowed items are searched by brute force, and from where on the index itself copes with a filter.

Measured on held-out queries at several shares of allowed items, and in two layouts: spread over the catalogue by
chance, and gathered in a few regions, where most queries have nothing allowed near them.
Shapes: B queries, N items, D dimensions.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.faiss_index import FaissIndex, single_thread
from index.row_set import RowSet
from index.vectors import ItemVectors

SHARES: Final = (0.001, 0.01, 0.03, 0.1, 0.5, 0.9)
NUM_SETS: Final = 2
"""Filters drawn for each share and layout."""
NUM_REGIONS: Final = 8
"""Regions that the allowed items of one gathered filter lie in."""
MAX_QUERIES: Final = 16
TIE: Final = 1e-6
"""A score this close to the k-th best counts as right."""


class Layout(StrEnum):
    """Where the allowed items lie."""

    SPREAD = "spread"
    GATHERED = "gathered"


class Way(StrEnum):
    """How they are searched."""

    BRUTE_FORCE = "brute_force"
    INDEX = "index"


@dataclass(frozen=True)
class FilterPoint:
    """One way at one share. recall: at k, ties counted as right. us_a_query: mean, one thread."""

    share: float
    layout: Layout
    way: Way
    recall: float
    us_a_query: float


@dataclass(frozen=True)
class FilterReport:
    """Up to `exact_allowed` allowed items brute force is taken, above it the index. points: what that follows from."""

    exact_allowed: int
    points: tuple[FilterPoint, ...]


@dataclass(frozen=True, eq=False)
class PlannedIndex:
    """The index with its plan, and why."""

    index: FaissIndex
    report: FilterReport


def plan(
    index: FaissIndex, queries: NDArray[np.float32], floor: float, clock: Callable[[], float], seed: int = 0
) -> PlannedIndex:
    """The index, told up to how many allowed items brute force is faster or the only way above the recall floor.

    queries: [B, D]; some of them are used.
    """
    points = tuple(_trials(index, queries[:: -(-len(queries) // MAX_QUERIES)], clock, np.random.default_rng(seed)))
    exact_allowed = min(int(_last_share(points, floor) * index.num_items), index.num_items)
    return PlannedIndex(index.with_exact_allowed(exact_allowed), FilterReport(exact_allowed, points))


def allowed_rows(items: ItemVectors, share: float, layout: Layout, rng: np.random.Generator) -> RowSet:
    """A filter that allows a share of the items, one at least."""
    count = max(round(share * items.num_items), 1)
    if layout is Layout.SPREAD:
        return RowSet.of(items.rows[rng.choice(items.num_items, count, replace=False)])
    anchors = items.vectors[rng.choice(items.num_items, NUM_REGIONS)]
    nearness = (items.vectors @ anchors.T).max(axis=1)
    return RowSet.of(items.rows[np.argpartition(-nearness, count - 1)[:count]])


def _last_share(points: tuple[FilterPoint, ...], floor: float) -> float:
    """The share up to which brute force is taken: the index is slower up to there, or below the floor."""
    above = 1.0
    for share in sorted({point.share for point in points}, reverse=True):
        index = [point for point in points if point.share == share and point.way is Way.INDEX]
        brute_force = [point for point in points if point.share == share and point.way is Way.BRUTE_FORCE]
        if min(point.recall for point in index) < floor:
            return above
        if _mean_us(index) > _mean_us(brute_force):
            return math.sqrt(share * above)
        above = share
    return 0.0


def _mean_us(points: list[FilterPoint]) -> float:
    return statistics.fmean(point.us_a_query for point in points)


def _trials(
    index: FaissIndex, queries: NDArray[np.float32], clock: Callable[[], float], rng: np.random.Generator
) -> Iterator[FilterPoint]:
    for share in SHARES:
        for layout in Layout:
            tally = _Tally(index, clock)
            for _ in range(NUM_SETS):
                tally.ask(queries, allowed_rows(index.items, share, layout, rng))
            yield FilterPoint(share, layout, Way.BRUTE_FORCE, 1.0, tally.mean_us(0))
            yield FilterPoint(share, layout, Way.INDEX, tally.num_right / tally.num_asked, tally.mean_us(1))


class _Tally:
    """Both ways beside each other, one query at a time in one thread."""

    def __init__(self, index: FaissIndex, clock: Callable[[], float]) -> None:
        self._ways = (index.with_exact_allowed(index.num_items), index.with_exact_allowed(0))
        self._clock = clock
        self._times_s: tuple[list[float], list[float]] = ([], [])
        self.num_right = 0
        self.num_asked = 0

    def ask(self, queries: NDArray[np.float32], allowed: RowSet) -> None:
        """Every query under one filter."""
        k = self._ways[0].config.k
        len(allowed.words)  # as a server keeps it
        with single_thread():
            for query in queries:
                true, found = (self._timed(way, query[None], k, allowed) for way in (0, 1))
                self.num_asked += len(true)
                self.num_right += int(np.count_nonzero(found >= true[-1:] - TIE))

    def mean_us(self, way: int) -> float:
        """Of one search."""
        return statistics.fmean(self._times_s[way]) * 1e6

    def _timed(self, way: int, query: NDArray[np.float32], k: int, allowed: RowSet) -> NDArray[np.float32]:
        started = self._clock()
        scores: NDArray[np.float32] = self._ways[way].search(query, k, allowed).scores[0]
        self._times_s[way].append(self._clock() - started)
        return scores
