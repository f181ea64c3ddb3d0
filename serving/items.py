"""The items that can be answered: those of the bundle, and behind them those that came while serving.

Shapes: R rows of the bundle, n ids or rows, D embedding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from towers.vocabulary import NUM_RESERVED, UNKNOWN, Vocabulary


class ItemTable:
    """Rows 2 to R - 1 are the bundle's, rows from R on came since; a row never changes its item. One writer at a time.

    item_vectors: float32 [R, D] of the bundle.
    """

    def __init__(self, vocabulary: Vocabulary, item_vectors: NDArray[np.float32]) -> None:
        self._vocabulary = vocabulary
        self._vectors = item_vectors
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}

    @property
    def num_base(self) -> int:
        """R, the first row of an item that the bundle does not know."""
        return self._vocabulary.num_rows

    @property
    def num_rows(self) -> int:
        """R and one more for each item that came since."""
        return self.num_base + len(self._ids)

    @property
    def item_rows(self) -> NDArray[np.int64]:
        """All rows that stand for an item, ascending."""
        return np.arange(NUM_RESERVED, self.num_rows, dtype=np.int64)

    def ensure(self, item_id: str) -> int:
        """The item's row, a new one without a vector where it is unknown."""
        row = int(self.rows([item_id])[0])
        if row == UNKNOWN:
            row = self._rows[item_id] = self.num_rows
            self._ids.append(item_id)
        return row

    def rows(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Row of each id [n]; UNKNOWN where it was never heard of."""
        rows = self._vocabulary.rows(ids)
        if self._rows:
            for place in np.flatnonzero(rows == UNKNOWN).tolist():
                rows[place] = self._rows.get(ids[place], UNKNOWN)
        return rows

    def ids(self, rows: NDArray[np.int64]) -> list[str]:
        """External id of each row; a ValueError for a row that stands for no item."""
        is_base = rows < self.num_base
        if is_base.all():
            return self._vocabulary.ids(rows)
        if int(rows.max()) >= self.num_rows:
            raise ValueError(f"row {rows.max()} stands for no item; rows run to {self.num_rows - 1}")
        base = iter(self._vocabulary.ids(rows[is_base]))
        return [next(base) if row < self.num_base else self._ids[row - self.num_base] for row in rows.tolist()]

    def has_vector(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each row has a vector."""
        return (rows >= NUM_RESERVED) & (rows < self.num_base)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors [n, D], zero where there is none."""
        known = self.has_vector(rows)
        vectors: NDArray[np.float32] = self._vectors[np.where(known, rows, 0)] * known[:, None]
        return vectors.astype(np.float32, copy=False)
