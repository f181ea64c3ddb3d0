"""The page of somebody who answered the onboarding: the answers and what everybody likes have a say beside the ranker.

Rankers learn from long histories and may make little of a few likes. What the answers say gives way to what is watched.
The likes are a bag without order, so the bundle's tables for bags speak as well, where it has them.
Shapes: K candidates, R item rows of the bundle, D embedding, H events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.topk import Candidates
from ranking.crowd import is_liked, mean_vector
from ranking.newcomer import Newcomer
from serving.bundle import Bundle
from serving.pipeline import Request
from towers.bag import BagTables
from towers.history import Action

WEIGHT: Final = 0.5
"""Of the answers against the ranker, while nothing was watched; the rest leaves room for the moment."""

TRUST: Final = 10
"""Events beside the answers at which half of it is left."""

MOST: Final = 50
"""From so many on, the ranker alone decides."""


BAG_WEIGHT: Final = 12.0
"""Log odds for a score of 1 by the tables for bags."""


@dataclass(frozen=True, eq=False)
class NewcomerOdds:
    """prior: float64 [R], log popularity of all time. centre: float32 [D], mean vector of what everybody chooses."""

    newcomer: Newcomer
    prior: NDArray[np.float64]
    centre: NDArray[np.float32]
    bag: BagTables | None = None

    @classmethod
    def of(cls, bundle: Bundle, newcomer: Newcomer) -> NewcomerOdds:
        """From the histories of a bundle."""
        vectors = np.asarray(bundle.item_vectors)
        counts = np.bincount(bundle.histories.rows, minlength=len(vectors)).astype(np.float64)
        return cls(newcomer, newcomer.prior(counts), mean_vector(vectors, counts), bundle.bag)

    def __call__(self, request: Request, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Log odds [K] of the rows after the likes and dislikes of the request's history."""
        history, vectors_of = request.history, request.moment.vectors_of
        liked = is_liked(history.actions, history.shares)
        judged = liked | np.isin(history.actions, [Action.DISLIKED, Action.ABANDONED])
        lean = self.newcomer.lean(vectors_of(history.rows[judged]), liked[judged], self.centre)
        known = rows < len(self.prior)
        prior = np.where(known, self.prior[np.where(known, rows, 0)], self.prior.min())
        odds: NDArray[np.float64] = prior + vectors_of(rows) @ lean
        if self.bag is not None:
            odds += BAG_WEIGHT * self.bag.scores_of(self.bag.vector(history.rows[liked]), rows)
        return odds


def share_of(num_answers: int, num_events: int) -> float:
    """The say of the answers, 0 to 1, among `num_events` of a history."""
    watched = num_events - num_answers
    return 0.0 if num_answers == 0 or watched >= MOST else WEIGHT * TRUST / (TRUST + max(watched, 0))


def blended(scored: Candidates, odds: NDArray[np.float64], share: float) -> Candidates:
    """The scores of the candidates [K], handed out in an order that is partly that of the odds [K]; best first.

    So a score means what it meant before.
    """
    if not np.isfinite(scored.scores).all():
        return scored
    mixed = share * _standard(odds) + (1 - share) * _standard(scored.scores.astype(np.float64))
    order = np.argsort(-mixed, kind="stable")
    return Candidates(scored.rows[order], np.sort(scored.scores)[::-1].copy(), scored.source[order])


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean 0 and deviation 1; zeros where all are alike."""
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)
