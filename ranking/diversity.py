"""After the score: a list that is not ten times the same, suits the viewer's mix of tastes, and now and then tries.

Shapes: K candidates, N chosen, D embedding, T tastes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking.arrangement import Arrangement
from ranking.exploration import Drawn, draw


class Pool(NamedTuple):
    """Candidates, best first, and the viewer. tastes: [K, T], rows that sum to 1 or 0. wanted: [T], likewise."""

    scores: NDArray[np.float64]
    vectors: NDArray[np.float32]
    tastes: NDArray[np.float32]
    wanted: NDArray[np.float32]
    people: Sequence[Sequence[str]]


def arranged(pool: Pool, k: int, prices: Arrangement) -> NDArray[np.int64]:
    """Places [N] of the pool, chosen one by one for their score less what they cost beside those above; with a cap,
    whoever is over it follows only where the list would be short.
    """
    relevance, left = spread(pool.scores), np.ones(len(pool.scores), dtype=np.bool_)
    closest, mix = np.zeros(len(left)), np.zeros(len(pool.wanted), dtype=np.float32)
    cap, chosen = Cap(pool.people, prices.max_per_person), []
    for n in range(1, min(k, len(left)) + 1):
        gain = relevance - prices.diversity * closest
        if prices.taste_match:
            gain -= prices.taste_match * divergence(pool.wanted, (mix + pool.tastes) / np.float32(n))
        open_places = left & cap.is_free if (left & cap.is_free).any() else left
        best = int(np.argmax(np.where(open_places, gain, -np.inf)))
        chosen.append(best)
        left[best] = False
        cap.take(best)
        mix = mix + pool.tastes[best]
        if prices.diversity:
            closest = np.maximum(closest, pool.vectors @ pool.vectors[best])
    return np.array(chosen, dtype=np.int64)


class Cap:
    """Which candidates no person forbids yet."""

    def __init__(self, people: Sequence[Sequence[str]], at_most: int) -> None:
        self.is_free = np.ones(len(people), dtype=np.bool_)
        self._people, self._at_most = people, at_most
        self._counts: dict[str, int] = {}

    def take(self, place: int) -> None:
        """The candidate at the place stands in the list."""
        if not self._at_most:
            return
        for person in set(self._people[place]):
            self._counts[person] = self._counts.get(person, 0) + 1
            if self._counts[person] == self._at_most:
                self.is_free &= np.array([person not in own for own in self._people])


def explored(num_places: int, k: int, exploration: float, rng: np.random.Generator) -> Drawn:
    """Up to k places of an arranged list, drawn without replacement."""
    return draw(-np.log(np.arange(1, num_places + 1, dtype=np.float64)), k, exploration, rng)


def divergence(wanted: NDArray[np.float32], mixes: NDArray[np.float32], smoothing: float = 0.01) -> NDArray[np.float64]:
    """KL(wanted || mix) [K] of mixes [K, T], each smoothed by a hundredth of what is wanted."""
    asked = wanted > 0
    smoothed = (1 - smoothing) * mixes[:, asked] + smoothing * wanted[asked]
    return np.asarray(np.log(wanted[asked] / smoothed) @ wanted[asked], dtype=np.float64)


def intra_list_distance(vectors: NDArray[np.float32]) -> float:
    """Mean of 1 - cosine over the pairs of a list; 0 for a list of one."""
    if len(vectors) < 2:
        return 0.0
    alike = vectors @ vectors.T
    pairs = len(vectors) * (len(vectors) - 1)
    return float(1 - (alike.sum() - np.trace(alike)) / pairs)


def spread(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores moved and scaled to 0 to 1; non-finite ones become 0."""
    finite = np.isfinite(scores)
    if not finite.any():
        return np.zeros(len(scores))
    low, high = float(scores[finite].min()), float(scores[finite].max())
    return np.where(finite, (scores - low) / max(high - low, 1e-12), 0.0)
