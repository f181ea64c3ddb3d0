"""Figures of merit with one target a query, each with its 95 % interval.

Everything follows from the target's rank, 1 + items ahead, where a tied item counts as half an item ahead; infinity
means that the target was not offered. Shapes: B or Q queries, R item rows, K list length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from towers.vocabulary import NUM_RESERVED, PAD

CUTS: Final = (10, 20, 100)
NORMAL_95: Final = 1.959963984540054


class Interval(NamedTuple):
    """A mean or a difference of means with its 95 % interval; NaN without queries."""

    mean: float
    low: float
    high: float


def target_ranks(
    scores: NDArray[np.float32],
    targets: NDArray[np.int64],
    excluded: NDArray[np.bool_],
    first_query: int = 0,
) -> NDArray[np.float64]:
    """Rank [B] of each target among the rows of `scores` [B, R] that `excluded` [B, R] leaves.

    An excluded target has rank infinity. A ValueError names the query (counted from `first_query`) of the first
    score that is not finite and not excluded.
    """
    _refuse_non_finite(scores, excluded, first_query)
    at = np.arange(len(scores))
    wanted = scores[at, targets][:, None]
    allowed = ~excluded
    better = np.count_nonzero((scores > wanted) & allowed, axis=1)
    tied = np.count_nonzero((scores == wanted) & allowed, axis=1) - 1
    return np.where(excluded[at, targets], np.inf, 1 + better + tied / 2)


def _refuse_non_finite(scores: NDArray[np.float32], excluded: NDArray[np.bool_], first_query: int) -> None:
    bad = np.argwhere(~(np.isfinite(scores) | excluded))
    if len(bad):
        b, row = bad[0]
        raise ValueError(
            f"query {first_query + b}: the score of item row {row} is {scores[b, row]}; "
            "scores must be finite, and items that may not be ranked belong into the mask"
        )


def list_ranks(
    lists: Sequence[NDArray[np.int64]], targets: NDArray[np.int64], first_query: int = 0
) -> NDArray[np.float64]:
    """Rank [B] of each target in its list of distinct rows, best first; infinity where it is absent.

    A ValueError names the query (counted from `first_query`) whose list holds a row twice or none of the catalogue.
    """
    ranks = np.full(len(targets), np.inf)
    for b, rows in enumerate(lists):
        if len(np.unique(rows)) < len(rows):
            raise ValueError(f"query {first_query + b}: an item stands twice in its list; give distinct rows")
        if np.any(rows < NUM_RESERVED):
            raise ValueError(f"query {first_query + b}: its list holds row {rows.min()}, which stands for no item")
        place = np.flatnonzero(rows == targets[b])
        if len(place):
            ranks[b] = 1 + place[0]
    return ranks


def top_rows(scores: NDArray[np.float32], excluded: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """The k best rows [B, K] that are not excluded, ties by the smaller row; PAD where fewer are left."""
    masked = np.where(excluded, -np.inf, scores)
    k = min(k, masked.shape[1])
    floor = -np.partition(-masked, k - 1, axis=1)[:, k - 1]
    top = np.full((len(masked), k), PAD, dtype=np.int64)
    for b, row_scores in enumerate(masked):
        near = np.flatnonzero((row_scores >= floor[b]) & ~excluded[b])
        best = near[np.argsort(-row_scores[near], kind="stable")[:k]]
        top[b, : len(best)] = best
    return top


def hits(ranks: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """1 where fewer than k items stand ahead of the target, otherwise 0; same shape as `ranks`."""
    return (ranks < k + 1).astype(np.float64)


def gains(ranks: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """NDCG at k with one target: 1 / log2(1 + rank) for a hit, otherwise 0."""
    return np.where(hits(ranks, k) > 0, 1 / np.log2(1 + ranks), 0.0)


def reciprocal_ranks(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / rank; 0 where the target was not offered."""
    return 1 / ranks


def coverage(top: NDArray[np.int64], num_items: int) -> float:
    """Share of the catalogue that appears in any of the lists [Q, K]."""
    shown = np.unique(top)
    return float(np.count_nonzero(shown >= NUM_RESERVED) / max(num_items, 1))


def novelty(top: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Mean -log2 of the popularity share of what the lists [Q, K] show, in bits.

    `counts` [R] are training events; one is added to each so that a new item has a finite surprise.
    """
    shown = top[top >= NUM_RESERVED]
    if len(shown) == 0:
        return float("nan")
    smoothed = counts + 1.0
    return float(-np.log2(smoothed[shown] / smoothed[NUM_RESERVED:].sum()).mean())


def mean_interval(values: NDArray[np.float64]) -> Interval:
    """Mean of the values [Q] with the normal approximation's interval."""
    if len(values) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    mean = float(values.mean())
    margin = NORMAL_95 * float(values.std()) / np.sqrt(len(values))
    return Interval(mean, mean - margin, mean + margin)


def paired_difference(
    a: NDArray[np.float64], b: NDArray[np.float64], rng: np.random.Generator, num_resamples: int = 2000
) -> Interval:
    """Mean of a - b over the same queries [Q] with the paired bootstrap's percentile interval.

    A ValueError refuses values of different or no queries.
    """
    if a.shape != b.shape or len(a) == 0:
        raise ValueError(
            f"{a.shape} values against {b.shape}; a paired difference needs the same queries, at least one"
        )
    difference = a - b
    values, counts = np.unique(difference, return_counts=True)
    drawn = rng.multinomial(len(difference), counts / len(difference), size=num_resamples)
    low, high = np.quantile(drawn @ values / len(difference), [0.025, 0.975])
    return Interval(float(difference.mean()), float(low), float(high))
