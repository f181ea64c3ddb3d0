"""Popularity that fades: exponentially decayed counts an item, live or replayed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranking.growing import grown


class DecayedCounts:
    """Counts [R] in which an event loses half its weight every `half_life_s`.

    Weights are kept relative to a moving origin so that adding is one operation; `half_life_s` of infinity counts
    plainly. Events may come out of order. Rows beyond the counts make them grow, with room to spare.
    """

    def __init__(self, num_rows: int, half_life_s: float) -> None:
        if half_life_s <= 0:
            raise ValueError(f"half_life_s is {half_life_s}; give a positive number of seconds")
        self._rate = np.log(2) / half_life_s / 1000
        self._origin_ms = 0
        self._weights = np.zeros(num_rows, dtype=np.float64)

    @classmethod
    def resume(cls, weights: NDArray[np.float64], at_ms: int, half_life_s: float) -> DecayedCounts:
        """Go on from the weights [R] of a moment, as `weights_at` gave them."""
        counts = cls(len(weights), half_life_s)
        counts._weights[:] = weights
        counts._origin_ms = at_ms
        return counts

    def add(self, rows: NDArray[np.int64], ts_ms: NDArray[np.int64]) -> None:
        """Count events; rows and times have shape [E]."""
        if len(rows) == 0:
            return
        self._weights = grown(self._weights, int(rows.max()) + 1)
        newest = int(ts_ms.max())
        if self._rate * (newest - self._origin_ms) > 50:
            self._weights *= np.exp(-self._rate * (newest - self._origin_ms))
            self._origin_ms = newest
        np.add.at(self._weights, rows, np.exp(self._rate * (ts_ms - self._origin_ms)))

    def weights_at(self, ts_ms: int) -> NDArray[np.float64]:
        """Faded counts [R] as they stand at a moment; what `resume` goes on from."""
        return np.asarray(self._weights * np.exp(-self._rate * (ts_ms - self._origin_ms)))

    def shares(self) -> NDArray[np.float64]:
        """Each row's share of the faded total [R]; the moment of asking does not change it. Zeros before any event."""
        total = self._weights.sum()
        return self._weights / total if total > 0 else self._weights.copy()
