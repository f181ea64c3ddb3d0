"""The titles of one page request: gathered from all that propose, gated, and scored once for all rows.

Shapes: P titles of the pool, R item rows, D embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.topk import Candidates

STEEPNESS: Final = 1.2
SHIFT: Final = 1.8
"""Of the curve from a standardised score to an appeal between 0 and 1."""

ALIKE: Final = 0.97
NEAR: Final = 0.9
"""Quantiles of likeness to a refused title: above the first one is left out, from the second on appeal is lost."""

LATEST_REFUSALS: Final = 5


class Pool(NamedTuple):
    """rows: int64 [P], best first. appeal: float64 [P], 0 to 1. score: float32 [P]. vectors: float32 [P, D]."""

    rows: NDArray[np.int64]
    appeal: NDArray[np.float64]
    score: NDArray[np.float32]
    vectors: NDArray[np.float32]

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places of those of the rows that are in the pool, in the order of `rows`."""
        order = np.argsort(self.rows, kind="stable")
        if len(order) == 0:
            return np.empty(0, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.rows, rows, sorter=order), len(order) - 1)
        found = order[at]
        return np.asarray(found[self.rows[found] == rows], dtype=np.int64)


def pooled(scored: Candidates, vectors: NDArray[np.float32], factor: NDArray[np.float64]) -> Pool:
    """A pool of scored titles, best first; `factor` [P] lowers the appeal of some, 0 leaves them out."""
    appeal = appeal_of(scored.scores) * factor
    order = np.argsort(-appeal, kind="stable")
    order = order[factor[order] > 0]
    return Pool(scored.rows[order], appeal[order], scored.scores[order], vectors[order])


def appeal_of(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scores of any scale as appeals between 0 and 1, in the same order."""
    finite = np.isfinite(scores)
    if not finite.any():
        return np.full(len(scores), 0.5)
    known = scores[finite].astype(np.float64)
    spread = max(float(known.std()), 1e-6)
    standard = np.where(finite, (scores - known.mean()) / spread, -8.0)
    return np.asarray(1 / (1 + np.exp(SHIFT - STEEPNESS * np.clip(standard, -8, 8))))


@dataclass(frozen=True, eq=False)
class Refusals:
    """Titles a viewer is not interested in, oldest first: unit vectors [n, D]; item_vectors [R, D] are everybody's."""

    refused: NDArray[np.float32]
    item_vectors: NDArray[np.float32]

    def factor(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """What the appeal of titles with these vectors [P, D] is multiplied by [P]; 0 for those alike."""
        factor = np.ones(len(vectors))
        for age, refused in enumerate(self.refused[::-1]):
            near, alike = np.quantile(self.item_vectors[2:] @ refused, (NEAR, ALIKE))
            likeness = vectors @ refused
            lowered = 1 - 0.9 * np.clip((likeness - near) / max(alike - near, 1e-6), 0, 1)
            gone = (likeness >= alike) & (age < LATEST_REFUSALS)
            factor *= np.where(gone, 0.0, lowered)
        return factor
