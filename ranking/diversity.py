"""After the score: a list that says more than the same thing ten times.

Shapes: K candidates, N chosen, D embedding, T tastes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def mmr(scores: NDArray[np.float64], vectors: NDArray[np.float32], k: int, trade_off: float) -> NDArray[np.int64]:
    """Places [N] by maximal marginal relevance: (1 - trade_off) * score - trade_off * the largest similarity to what
    stands above (Carbonell and Goldstein 1998). Scores are spread over 0 to 1 first; 0 keeps their order.
    """
    relevance = _spread(scores)
    closest = np.zeros(len(scores))
    left = np.ones(len(scores), dtype=np.bool_)
    chosen: list[int] = []
    for _ in range(min(k, len(scores))):
        gain = np.where(left, (1 - trade_off) * relevance - trade_off * closest, -np.inf)
        best = int(np.argmax(gain))
        chosen.append(best)
        left[best] = False
        closest = np.maximum(closest, vectors @ vectors[best])
    return np.array(chosen, dtype=np.int64)


def greedy_dpp(
    scores: NDArray[np.float64], vectors: NDArray[np.float32], k: int, trade_off: float
) -> NDArray[np.int64]:
    """Places [N] of a greedy search for the most likely set of a determinantal point process, whose kernel is
    quality_i * similarity_ij * quality_j with quality = exp(c * score), c = (1 - trade_off) / (2 trade_off).

    Chen et al., Fast greedy MAP inference for determinantal point process, 2018: O(N^2 K). A trade_off of 0 keeps the
    order of the scores. What adds nothing to the determinant any more follows in the order of the scores.
    """
    relevance = _spread(scores)
    order = np.argsort(-relevance, kind="stable")
    if trade_off <= 0:
        return order[:k].astype(np.int64)
    log_quality = relevance * (1 - trade_off) / (2 * trade_off)
    factors = np.zeros((min(k, len(scores)), len(scores)))
    remainder = np.einsum("kd,kd->k", vectors, vectors).astype(np.float64)
    left, chosen = np.ones(len(scores), dtype=np.bool_), []
    for n in range(len(factors)):
        gain = np.where(left & (remainder > 1e-6), 2 * log_quality + np.log(np.maximum(remainder, 1e-12)), -np.inf)
        best = int(np.argmax(gain))
        if not np.isfinite(gain[best]):
            break
        along = (vectors @ vectors[best] - factors[:n].T @ factors[:n, best]) / np.sqrt(remainder[best])
        factors[n], remainder = along, remainder - along**2
        left[best] = False
        chosen.append(best)
    rest = [int(place) for place in order if left[place]]
    return np.array([*chosen, *rest][:k], dtype=np.int64)


def capped(groups: Sequence[Sequence[str]], order: NDArray[np.int64], k: int, at_most: int) -> NDArray[np.int64]:
    """The first k places of `order` with no more than `at_most` of any group, such as an author or a series; places
    that are over the cap follow only where the list would be short.
    """
    counts: dict[str, int] = {}
    kept, spare = [], []
    for place in order.tolist():
        own = groups[place]
        if all(counts.get(group, 0) < at_most for group in own):
            kept.append(place)
            counts |= {group: counts.get(group, 0) + 1 for group in own}
        else:
            spare.append(place)
    return np.array([*kept, *spare][:k], dtype=np.int64)


def matched_to_tastes(
    scores: NDArray[np.float64],
    tastes: NDArray[np.float64],
    wanted: NDArray[np.float64],
    k: int,
    trade_off: float,
) -> NDArray[np.int64]:
    """Places [N] whose mix of tastes is like the viewer's: greedy on (1 - trade_off) * mean score - trade_off * KL of
    `wanted` [T] from the list's mix (Steck, Calibrated recommendations, 2018). tastes: [K, T], rows that sum to 1 or 0.
    """
    relevance = _spread(scores)
    left = np.ones(len(scores), dtype=np.bool_)
    chosen: list[int] = []
    mix, gained = np.zeros(len(wanted)), 0.0
    for n in range(1, min(k, len(scores)) + 1):
        mixes = (mix + tastes) / n
        distance = divergence(wanted, mixes)
        gain = np.where(left, (1 - trade_off) * (gained + relevance) / n - trade_off * distance, -np.inf)
        best = int(np.argmax(gain))
        chosen.append(best)
        left[best] = False
        mix, gained = mix + tastes[best], gained + relevance[best]
    return np.array(chosen, dtype=np.int64)


def divergence(wanted: NDArray[np.float64], mixes: NDArray[np.float64], smoothing: float = 0.01) -> NDArray[np.float64]:
    """KL(wanted || mix) [K] of mixes [K, T], each smoothed by a hundredth of what is wanted."""
    smoothed = (1 - smoothing) * mixes + smoothing * wanted
    ratio = np.log(np.maximum(wanted, 1e-12) / np.maximum(smoothed, 1e-12))
    return np.asarray((wanted * ratio).sum(axis=1))


def intra_list_distance(vectors: NDArray[np.float32]) -> float:
    """Mean of 1 - cosine over the pairs of a list; 0 for a list of one."""
    if len(vectors) < 2:
        return 0.0
    alike = vectors @ vectors.T
    pairs = len(vectors) * (len(vectors) - 1)
    return float(1 - (alike.sum() - np.trace(alike)) / pairs)


def _spread(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores moved and scaled to 0 to 1; non-finite ones become 0."""
    finite = np.isfinite(scores)
    if not finite.any():
        return np.zeros(len(scores))
    low, high = float(scores[finite].min()), float(scores[finite].max())
    return np.where(finite, (scores - low) / max(high - low, 1e-12), 0.0)
