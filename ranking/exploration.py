"""Showing now and then what the ranker does not favour, with the chance of it, so that others' choices can be judged.

Shapes: K candidates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Drawn(NamedTuple):
    """places: int64 [n] in the order shown. propensities: float64 [n], the chance of each at its place, given those
    above it.
    """

    places: NDArray[np.int64]
    propensities: NDArray[np.float64]


def draw(scores: NDArray[np.float64], k: int, temperature: float, rng: np.random.Generator) -> Drawn:
    """A list drawn without replacement with chances proportional to exp(score / temperature) (Plackett-Luce, by the
    Gumbel trick); a temperature of 0 shows the best first with chance 1.
    """
    if temperature < 0:
        raise ValueError(f"temperature is {temperature}; give 0 or more")
    if temperature == 0:
        best = np.argsort(-scores, kind="stable")[:k].astype(np.int64)
        return Drawn(best, np.ones(len(best)))
    logits = scores / temperature
    places = np.argsort(-(logits + rng.gumbel(size=len(scores))), kind="stable").astype(np.int64)
    ordered = logits[places] - logits.max(initial=-np.inf)
    behind = np.logaddexp.accumulate(ordered[::-1])[::-1]
    return Drawn(places[:k], np.exp(ordered - behind)[:k])
