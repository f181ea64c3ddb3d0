"""What each kind of viewer or moment chooses of late: one faded count for each value of each context column.

Shapes: R item rows, C context columns, S values of all columns that count, K candidates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranking.growing import grown
from ranking.velocity import LARGEST_EXPONENT

NUM_CLOCK_COLUMNS = 2
"""Hour and weekday pass by themselves, so they are no segments."""
MAX_CELLS = 40_000_000
"""Of all counts together; beyond it no segments are counted."""


class Segments:
    """Counts [S, R] that lose half their weight every `half_life_s`. Code 0 of a column, unknown, is no segment."""

    def __init__(self, num_rows: int, context_sizes: Sequence[int], half_life_s: float) -> None:
        sizes = np.array(context_sizes[NUM_CLOCK_COLUMNS:], dtype=np.int64)
        if int(sizes.sum()) * num_rows > MAX_CELLS:
            sizes = sizes[:0]
        self._first = np.cumsum(sizes) - sizes
        self._rate = float(np.log(2) / half_life_s / 1000)
        self._origin_ms = 0
        self._weights = np.zeros((int(sizes.sum()), num_rows))
        self._totals = np.zeros(int(sizes.sum()))

    @property
    def num_columns(self) -> int:
        """Context columns that count."""
        return len(self._first)

    def places(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Segment [C - 2] of each context column's code, -1 where the value is unknown."""
        own = codes[NUM_CLOCK_COLUMNS : NUM_CLOCK_COLUMNS + self.num_columns]
        return np.where(own > 0, self._first + own, -1)

    def add(self, row: int, ts_ms: int, codes: NDArray[np.int64]) -> None:
        """Count one event of a moment with context codes [C]."""
        self.add_many(np.array([row]), np.array([ts_ms], dtype=np.int64), codes[None, :])

    def add_many(self, rows: NDArray[np.int64], ts_ms: NDArray[np.int64], codes: NDArray[np.int64]) -> None:
        """Count events of moments; rows and times [E], codes [E, C]."""
        if len(rows) == 0 or self.num_columns == 0:
            return
        self._weights = grown(self._weights, int(rows.max()) + 1)
        newest = int(ts_ms.max())
        if self._rate * (newest - self._origin_ms) > LARGEST_EXPONENT:
            fade = np.exp(-self._rate * (newest - self._origin_ms))
            self._weights *= fade
            self._totals *= fade
            self._origin_ms = newest
        weights = np.exp(self._rate * (ts_ms - self._origin_ms))
        for column, first in enumerate(self._first.tolist()):
            code = codes[:, NUM_CLOCK_COLUMNS + column]
            known = code > 0
            np.add.at(self._weights, (first + code[known], rows[known]), weights[known])
            np.add.at(self._totals, first + code[known], weights[known])

    def shares_of(self, rows: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share [C - 2, K] of each row in the choices of the moment's segments; 0 in unknown ones."""
        places = self.places(codes)
        inside = np.minimum(rows, self._weights.shape[1] - 1)
        found = self._weights[places[:, None], inside] * (rows < self._weights.shape[1])
        totals = np.maximum(self._totals[places], 1e-300)
        return np.where(places[:, None] >= 0, found / totals[:, None], 0.0)

    def shares(self, codes: NDArray[np.int64], column: int) -> NDArray[np.float64] | None:
        """Share of every row in the choices of one segment; None where it is unknown or has none."""
        place = int(self.places(codes)[column]) if column < self.num_columns else -1
        if place < 0 or self._totals[place] <= 0:
            return None
        return np.asarray(self._weights[place] / self._totals[place])

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Arrays that `restore` goes on from."""
        origin = np.array([self._origin_ms], dtype=np.float64)
        return {"weights": self._weights, "totals": self._totals, "origin_ms": origin}

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on from `state`; a ValueError where it counted other segments."""
        if len(state["totals"]) != len(self._totals):
            raise ValueError(f"counts of {len(state['totals'])} segments, asked for {len(self._totals)}")
        self._weights, self._totals = state["weights"].copy(), state["totals"].copy()
        self._origin_ms = int(state["origin_ms"][0])
