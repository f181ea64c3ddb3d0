"""Which titles to ask a newcomer about: well known and unlike each other, then what tells most after the answers.

Shapes: M titles that may be asked about, D embedding, R item rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

ROW_ID: Final = "onboarding"
"""Of the events that answers become."""


@dataclass(frozen=True)
class GridConfig:
    """`most_known` titles may be asked about; `known` weighs being known against being unlike those asked about;
    `towards` is how much the adaptive grid leans to what was liked.
    """

    most_known: int = 300
    known: float = 0.35
    towards: float = 0.5


class Asking(NamedTuple):
    """What is known when titles are chosen. popularity: float64 [R] shares. vectors: float32 [R, D], unit length.
    allowed: bool [R]. asked, liked: rows.
    """

    popularity: NDArray[np.float64]
    vectors: NDArray[np.float32]
    allowed: NDArray[np.bool_]
    asked: NDArray[np.int64]
    liked: NDArray[np.int64]


def grid(kind: str, asking: Asking, k: int, config: GridConfig | None = None) -> NDArray[np.int64]:
    """K rows to ask about, none of them asked already: `popular`, `diverse`, or `adaptive` to the rows liked."""
    popularity, vectors, allowed, asked, liked = asking
    config = config or GridConfig()
    can = allowed.copy()
    can[asked] = False
    known = np.argsort(-np.where(can, popularity, -1.0), kind="stable")[: max(config.most_known, k)]
    known = known[can[known]]
    if kind == "popular":
        return known[:k]
    fame = np.log(popularity[known] + 1e-6)
    fame = (fame - fame.min()) / max(float(np.ptp(fame)), 1e-9)
    value = config.known * fame
    if kind == "adaptive" and len(liked):
        taste = vectors[liked].mean(axis=0)
        value = value + config.towards * (vectors[known] @ taste)
    return known[_spread(vectors[known], vectors[asked], value, k)]


def _spread(
    own: NDArray[np.float32], others: NDArray[np.float32], value: NDArray[np.float64], k: int
) -> NDArray[np.int64]:
    """Places of up to k titles, each the best in value less likeness to the nearest one before."""
    nearest = (own @ others.T).max(axis=1, initial=0.0) if len(others) else np.zeros(len(own))
    chosen: list[int] = []
    for _ in range(min(k, len(own))):
        score = value - nearest
        score[chosen] = -np.inf
        chosen.append(int(score.argmax()))
        nearest = np.maximum(nearest, own @ own[chosen[-1]])
    return np.array(chosen, dtype=np.int64)
