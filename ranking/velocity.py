"""How fast items are chosen: counts that fade at several half-lives at once.

Shapes: R item rows, H half-lives, K candidates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranking.growing import grown

LARGEST_EXPONENT = 50.0
"""Weights relative to the origin are moved on before they leave the range of doubles."""


class Velocity:
    """Counts of R rows at H half-lives, in which an event loses half its weight every half-life; rows beyond have none.

    A half-life of infinity counts plainly. Events may come out of order. `version` grows with every change.
    """

    def __init__(self, num_rows: int, half_lives_s: Sequence[float]) -> None:
        if min(half_lives_s, default=1.0) <= 0:
            raise ValueError(f"half-lives are {list(half_lives_s)} s; give positive ones")
        self._rate = np.log(2) / np.asarray(half_lives_s, dtype=np.float64) / 1000
        self._origin_ms = np.zeros(len(half_lives_s), dtype=np.int64)
        self._weights = np.zeros((num_rows, len(half_lives_s)))  # what one row needs lies together
        self._totals = np.zeros(len(half_lives_s))
        self.version = 0

    @property
    def num_half_lives(self) -> int:
        """H."""
        return len(self._rate)

    def add(self, row: int, ts_ms: int) -> None:
        """Count one event."""
        self.version += 1
        self._weights = grown(self._weights, row + 1, axis=0)
        self._move_on(ts_ms)
        weight = np.exp(self._rate * (ts_ms - self._origin_ms))
        self._weights[row] += weight
        self._totals += weight

    def add_many(self, rows: NDArray[np.int64], ts_ms: NDArray[np.int64]) -> None:
        """Count events; rows and times have shape [E]."""
        if len(rows) == 0:
            return
        self.version += 1
        self._weights = grown(self._weights, int(rows.max()) + 1, axis=0)
        self._move_on(int(ts_ms.max()))
        for h, rate in enumerate(self._rate):
            weights = np.exp(rate * (ts_ms - self._origin_ms[h]))
            self._weights[:, h] += np.bincount(rows, weights, minlength=len(self._weights))
            self._totals[h] += weights.sum()

    def counts(self, h: int, ts_ms: int) -> NDArray[np.float64]:
        """Faded counts of every row at a moment, at half-life number h; at least as long as the rows counted."""
        return np.asarray(self._weights[:, h] * self._fade(ts_ms)[h])

    def counts_of(self, rows: NDArray[np.int64], ts_ms: int) -> NDArray[np.float64]:
        """Faded counts [H, K] of the rows at a moment."""
        inside = np.minimum(rows, len(self._weights) - 1)
        found = self._weights.take(inside, axis=0)
        found *= self._fade(ts_ms)
        if not np.array_equal(inside, rows):
            found[rows >= len(self._weights)] = 0
        return np.ascontiguousarray(found.T)

    def totals(self, ts_ms: int) -> NDArray[np.float64]:
        """Faded number of all events [H] at a moment."""
        return np.asarray(self._totals * self._fade(ts_ms))

    def relative(self, h: int) -> NDArray[np.float64]:
        """Counts of every row at half-life number h up to a common factor: enough to order by, and no copy."""
        return np.asarray(self._weights[:, h])

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Arrays that `restore` goes on from."""
        origin = self._origin_ms.astype(np.float64)
        return {"weights": self._weights.T, "totals": self._totals, "origin_ms": origin}

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on from `state`; a ValueError where it was counted at another number of half-lives."""
        if len(state["totals"]) != self.num_half_lives:
            raise ValueError(f"counts at {len(state['totals'])} half-lives, asked for {self.num_half_lives}")
        self.version += 1
        self._weights, self._totals = state["weights"].T.copy(), state["totals"].copy()
        self._origin_ms = state["origin_ms"].astype(np.int64)

    def _fade(self, ts_ms: int) -> NDArray[np.float64]:
        return np.asarray(np.exp(np.minimum(-self._rate * (ts_ms - self._origin_ms), LARGEST_EXPONENT)))

    def _move_on(self, ts_ms: int) -> None:
        far = self._rate * (ts_ms - self._origin_ms) > LARGEST_EXPONENT
        if far.any():
            fade = np.where(far, self._fade(ts_ms), 1.0)
            self._weights *= fade
            self._totals *= fade
            self._origin_ms = np.where(far, ts_ms, self._origin_ms)
