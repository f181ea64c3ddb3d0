"""Eligibility: which items may be answered, whatever their score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.row_set import RowSet
from index.topk import Candidates
from serving.pipeline import Filtered, take


class Block:
    """Removes the given rows."""

    def __init__(self, name: str, rows: NDArray[np.int64]) -> None:
        self.name = name
        self._rows = RowSet.of(rows)

    @property
    def num_removable(self) -> int:
        """Number of rows blocked."""
        return len(self._rows)

    def apply(self, candidates: Candidates) -> Filtered:
        """Split into rows outside and inside the list."""
        blocked = self._rows.has(candidates.rows)
        return Filtered(take(candidates, ~blocked), take(candidates, blocked))

    def narrow(self, rows: RowSet) -> RowSet:
        """Without the rows of the list."""
        return rows - self._rows


class Allow:
    """Removes everything but the given rows of a catalogue of `num_items`."""

    def __init__(self, name: str, rows: NDArray[np.int64], num_items: int) -> None:
        self.name = name
        self._rows = RowSet.of(rows)
        self._num_items = num_items

    @property
    def num_removable(self) -> int:
        """Number of items outside the list."""
        return self._num_items - len(self._rows)

    def apply(self, candidates: Candidates) -> Filtered:
        """Split into rows inside and outside the list."""
        allowed = self._rows.has(candidates.rows)
        return Filtered(take(candidates, allowed), take(candidates, ~allowed))

    def narrow(self, rows: RowSet) -> RowSet:
        """Only rows of the list."""
        return rows & self._rows
