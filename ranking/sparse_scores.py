"""Scores of the few items that anything speaks for; all others have 0.

Shapes: S scored rows, E entries that add up, K candidates.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

BITS: Final = 31
"""Of a sorted key that hold the place of an entry; the row stands above them."""


class SparseScores(NamedTuple):
    """rows: int64 [S], ascending and distinct. values: float64 [S]."""

    rows: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def summed(cls, rows: NDArray[np.int64], weights: NDArray[np.floating]) -> SparseScores:
        """Entries of rows [E] in any order and repeated; the weights [E] of a row are added in their order."""
        if len(rows) == 0:
            return NOTHING
        keys = np.sort((rows << BITS) | np.arange(len(rows)))
        ordered = keys >> BITS
        begins = np.empty(len(rows), dtype=np.bool_)
        begins[0], begins[1:] = True, ordered[1:] != ordered[:-1]
        values = np.bincount(np.cumsum(begins) - 1, weights[keys & ((1 << BITS) - 1)]).astype(np.float64, copy=False)
        return cls(ordered[begins], values)

    @property
    def best(self) -> float:
        """The largest; 0 of nothing."""
        return float(self.values.max(initial=0.0))

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Score [K] of each row."""
        if len(self.rows) == 0:
            return np.zeros(len(rows))
        place = np.searchsorted(self.rows, rows)
        place[place == len(self.rows)] = 0
        return np.asarray(self.values[place] * (self.rows[place] == rows))

    def below(self, num_rows: int) -> SparseScores:
        """Without rows from `num_rows` on."""
        end = len(self.rows) if not len(self.rows) or self.rows[-1] < num_rows else np.searchsorted(self.rows, num_rows)
        return SparseScores(self.rows[:end], self.values[:end])


NOTHING: Final = SparseScores(np.empty(0, dtype=np.int64), np.empty(0))
