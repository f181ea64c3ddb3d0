"""Eligibility: which items may be answered, whatever their score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.row_set import RowSet


class Block:
    """Removes the given rows."""

    def __init__(self, name: str, rows: NDArray[np.int64]) -> None:
        self.name = name
        self._rows = RowSet.of(rows)

    @property
    def num_removable(self) -> int:
        """Number of rows blocked."""
        return len(self._rows)

    def keeps(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each row is outside the list."""
        return ~self._rows.has(rows)

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

    def keeps(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each row is on the list."""
        return self._rows.has(rows)

    def narrow(self, rows: RowSet) -> RowSet:
        """Only rows of the list."""
        return rows & self._rows
