"""How relevant a human tag is to titles that nobody tagged: read off genres, ratings and the titles that have it.

Shapes: N titles, T tags, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from ranking.title_tags import TitleFacts

NUM_FACTORS: Final = 32
RIDGE: Final = 1.0


def watch_factors(
    num_titles: int, viewers: NDArray[np.int64], titles: NDArray[np.int64], seed: int = 0
) -> NDArray[np.float64]:
    """Factors [N, F] of who watched what, from events as pairs of numbers; they know no words."""
    shape = (int(viewers.max(initial=0)) + 1, num_titles)
    watched = csr_array((np.ones(len(viewers)), (viewers, titles)), shape=shape)
    counts = np.maximum(np.asarray(watched.sum(axis=0)).ravel(), 1)
    return _factors(watched.T.toarray() / np.sqrt(counts)[:, None], seed)


def title_features(facts: Sequence[TitleFacts], liking: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features [N, F]: genres, period, fame, and factors `liking` of who watched what.

    No tags are among them: a title that nobody tagged would lack the feature as well.
    """
    genres = _labels([each.genres for each in facts])
    years = np.array([np.nan if each.year is None else each.year for each in facts])
    period = np.nan_to_num((years - np.nanmean(years)) / max(float(np.nanstd(years)), 1e-9))[:, None]
    fame = np.log1p([each.measures.get("popularity", 0.0) for each in facts])[:, None]
    columns = [_standard(part) for part in (genres, period, liking, fame)]
    return np.concatenate([np.ones((len(facts), 1)), *columns], axis=1)


def relevance(features: NDArray[np.float64], has_tag: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Score [N, T] of each tag by ridge regression, positives weighing as much as all others together."""
    scores = np.zeros(has_tag.shape)
    for t in range(has_tag.shape[1]):
        own = has_tag[:, t]
        weight = np.where(own, 0.5 / max(own.sum(), 1), 0.5 / max((~own).sum(), 1)) * len(own)
        gram = (features * weight[:, None]).T @ features + RIDGE * len(own) * np.eye(features.shape[1])
        scores[:, t] = features @ np.linalg.solve(gram, features.T @ (weight * np.where(own, 1.0, -1.0)))
    return scores


def auc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Chance that a positive scores above a negative; ties count half."""
    order = np.sort(negative)
    below, upto = np.searchsorted(order, positive, "left"), np.searchsorted(order, positive, "right")
    return float((below + upto).mean() / 2 / max(len(order), 1))


def _labels(sets: Sequence[frozenset[str]]) -> NDArray[np.float64]:
    place = {name: n for n, name in enumerate(sorted(set().union(*sets)))}
    table = np.zeros((len(sets), len(place)))
    for row, each in enumerate(sets):
        table[row, [place[name] for name in each]] = 1
    return table


def _factors(table: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    rank = min(NUM_FACTORS, min(table.shape) - 1)
    if rank < 1:
        return np.zeros((len(table), 0))
    start = np.random.default_rng(seed).normal(size=min(table.shape))
    left, sizes, _ = svds(table, k=rank, v0=start)
    return np.asarray(left * sizes)


def _standard(part: NDArray[np.float64]) -> NDArray[np.float64]:
    if part.shape[1] == 0:
        return part
    return np.asarray((part - part.mean(axis=0)) / max(float(part.std(axis=0).mean()), 1e-9))
