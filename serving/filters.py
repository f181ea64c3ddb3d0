"""Eligibility: which items may be answered, whatever their score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.topk import Candidates
from serving.pipeline import Filtered, take


class Block:
    """Removes the given rows."""

    def __init__(self, name: str, rows: NDArray[np.int64]) -> None:
        self.name = name
        self._rows = np.unique(rows)

    @property
    def num_removable(self) -> int:
        """Number of rows blocked."""
        return len(self._rows)

    def apply(self, candidates: Candidates) -> Filtered:
        """Split into rows outside and inside the list."""
        blocked = _is_in(candidates.rows, self._rows)
        return Filtered(take(candidates, ~blocked), take(candidates, blocked))


class Allow:
    """Removes everything but the given rows of a catalogue of `num_items`."""

    def __init__(self, name: str, rows: NDArray[np.int64], num_items: int) -> None:
        self.name = name
        self._rows = np.unique(rows)
        self._num_items = num_items

    @property
    def num_removable(self) -> int:
        """Number of items outside the list."""
        return self._num_items - len(self._rows)

    def apply(self, candidates: Candidates) -> Filtered:
        """Split into rows inside and outside the list."""
        allowed = _is_in(candidates.rows, self._rows)
        return Filtered(take(candidates, allowed), take(candidates, ~allowed))


def _is_in(rows: NDArray[np.int64], ascending: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Membership by binary search; np.isin sorts both sides anew each time."""
    if len(ascending) == 0:
        return np.zeros(len(rows), dtype=np.bool_)
    place = np.minimum(np.searchsorted(ascending, rows), len(ascending) - 1)
    is_in: NDArray[np.bool_] = ascending[place] == rows
    return is_in
