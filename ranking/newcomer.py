"""Appeal of titles to somebody of whom little is known: what everybody likes, leaning towards the few titles liked.

    log odds = log popularity + strength / (number liked + doubt) x (sum of liked vectors less the mean vector) . vector

Popularity is the prior, and what sets the likes apart from what everybody chooses is the evidence, as in the first step
of a logistic regression; each further like makes it weigh more. Two numbers for all viewers, none of a viewer.
Shapes: N titles, J judged titles, D embedding, U viewers, K first titles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ranking.crowd import Crowd

STRENGTHS: Final = (3.0, 6.0, 12.0, 20.0, 30.0)
DOUBTS: Final = (1.0, 2.0, 4.0, 8.0)
NUMBERS: Final = (1, 3, 10)
"""Tried by `fitted`: the settings, and numbers of likes to do well at."""


@dataclass(frozen=True)
class Newcomer:
    """`strength`: log odds for a title just like all those liked. `doubt`: the number of likes at which half of it
    counts. A dislike counts as `dislike` likes. `floor`, a part of the mean count, is added to each count before its
    logarithm.
    """

    strength: float = 6.0
    doubt: float = 4.0
    dislike: float = -0.3
    floor: float = 0.01

    def prior(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log odds [N] before anything is known, from how often each title was chosen [N]."""
        log: NDArray[np.float64] = np.log(counts + self.floor * max(float(counts.mean()), 1e-9))
        return log

    def lean(
        self, judged: NDArray[np.float32], is_liked: NDArray[np.bool_], centre: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The vector [D] whose product with a title's is what the judged titles [J, D] add to its log odds.

        centre: the mean vector [D] of what everybody chooses.
        """
        weights = np.where(is_liked, 1.0, self.dislike).astype(np.float32)
        scale = self.strength / (float(np.abs(weights).sum()) + self.doubt)
        lean: NDArray[np.float32] = np.float32(scale) * (weights @ (judged - centre))
        return lean

    def fitted(self, crowd: Crowd, rng: np.random.Generator, num_viewers: int = 300, length: int = 20) -> Self:
        """With the strength and doubt that best find the other likes of viewers of the crowd after a few of them."""
        likes = crowd.likes[rng.permutation(len(crowd.likes))[:num_viewers]]
        order = np.argsort(np.where(likes, rng.random(likes.shape), 2.0), axis=1)
        prior = self.prior(crowd.counts)

        def quality(strength: float, doubt: float) -> float:
            tried = replace(self, strength=strength, doubt=doubt)
            return sum(_found(tried, crowd, likes, order[:, :number], prior, length) for number in NUMBERS)

        strength, doubt = max(product(STRENGTHS, DOUBTS), key=lambda pair: quality(*pair))
        return replace(self, strength=strength, doubt=doubt)


def _found(
    newcomer: Newcomer,
    crowd: Crowd,
    likes: NDArray[np.bool_],
    judged: NDArray[np.int64],
    prior: NDArray[np.float64],
    length: int,
) -> float:
    """Discounted share of likes among the first titles, for viewers with twice as many likes as are `judged` [U, J]."""
    has_enough = likes.sum(axis=1) >= 2 * judged.shape[1]
    likes, judged = likes[has_enough], judged[has_enough]
    if len(likes) == 0:
        return 0.0
    total = (crowd.vectors[judged] - crowd.centre).sum(axis=1)
    odds = prior + (newcomer.strength / (judged.shape[1] + newcomer.doubt)) * (total @ crowd.vectors.T)
    np.put_along_axis(odds, judged, -np.inf, axis=1)
    length = min(length, odds.shape[1])
    top = np.argpartition(-odds, length - 1, axis=1)[:, :length]
    top = np.take_along_axis(top, np.argsort(-np.take_along_axis(odds, top, axis=1), axis=1), axis=1)
    discounts = 1 / np.log2(np.arange(2, length + 2))
    return float((np.take_along_axis(likes, top, axis=1) @ discounts).mean() / discounts.sum())
