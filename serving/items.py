"""The items that can be answered: those of the bundle, and behind them those that came while serving.

Shapes: R rows of the bundle, n ids or rows, D embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.row_set import RowSet
from towers.vocabulary import NUM_RESERVED, UNKNOWN, Vocabulary

MAX_NEW: Final = 1_000_000
"""Items that may come while serving; a faulty stream of events must not fill the memory."""
_RESERVED: Final = RowSet.of(range(NUM_RESERVED))


class ItemTable:
    """Rows 2 to R - 1 are the bundle's, rows from R on came since; a row never changes its item. One writer at a time.

    item_vectors: float32 [R, D] of the bundle.
    """

    def __init__(self, vocabulary: Vocabulary, item_vectors: NDArray[np.float32]) -> None:
        self._vocabulary = vocabulary
        self._vectors = item_vectors
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._later = _Placed.nothing(item_vectors.shape[1])

    @property
    def num_base(self) -> int:
        """R, the first row of an item that the bundle does not know."""
        return self._vocabulary.num_rows

    @property
    def num_rows(self) -> int:
        """R and one more for each item that came since."""
        return self.num_base + len(self._ids)

    @property
    def num_items(self) -> int:
        """Rows that stand for an item."""
        return self.num_rows - NUM_RESERVED

    @property
    def item_rows(self) -> NDArray[np.int64]:
        """All rows that stand for an item, ascending."""
        return np.arange(NUM_RESERVED, self.num_rows, dtype=np.int64)

    def row(self, item_id: str) -> int | None:
        """The item's row; None where it was never heard of."""
        row = int(self.rows([item_id])[0])
        return None if row == UNKNOWN else row

    @property
    def item_set(self) -> RowSet:
        """The same as a set."""
        return RowSet.all(self.num_rows) - _RESERVED

    def ensure(self, item_id: str) -> int:
        """The item's row, a new one without a vector where it is unknown; UNKNOWN when there are `MAX_NEW` already."""
        row = int(self.rows([item_id])[0])
        if row == UNKNOWN and len(self._ids) < MAX_NEW:
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

    def place(self, rows: NDArray[np.int64], tokens: NDArray[np.float32], vectors: NDArray[np.float32]) -> None:
        """Give rows from R on a token and a vector [n, D]; for those that had one, another."""
        self._later = self._later.having(rows - self.num_base, self.num_rows - self.num_base, tokens, vectors)

    def has_vector(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each row has a vector, and so a token."""
        is_base = rows < self.num_base
        known = (rows >= NUM_RESERVED) & is_base
        if is_base.all():
            return known
        return known | (~is_base & self._later.has(rows - self.num_base))

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors [n, D], zero where there is none."""
        return self._gather(self._vectors, self._later.vectors, rows)

    def tokens(self, rows: NDArray[np.int64], item_tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the user tower reads of each row [..., D]; `item_tokens` [R, D] are the bundle's, zero where none is."""
        if int(rows.max(initial=0)) < self.num_base:
            return item_tokens[rows]
        flat = self._gather(item_tokens, self._later.tokens, rows.ravel(), keep_reserved=True)
        return flat.reshape(*rows.shape, -1)

    def _gather(
        self,
        base: NDArray[np.float32],
        later: NDArray[np.float32],
        rows: NDArray[np.int64],
        *,
        keep_reserved: bool = False,
    ) -> NDArray[np.float32]:
        if not keep_reserved and len(rows) and int(rows.min()) >= NUM_RESERVED and int(rows.max()) < self.num_base:
            return base.take(rows, axis=0)
        known = self.has_vector(rows) | (keep_reserved & (rows < NUM_RESERVED))
        is_later = known & (rows >= self.num_base)
        found: NDArray[np.float32] = base[np.where(known & ~is_later, rows, 0)] * known[:, None]
        if is_later.any():
            found[is_later] = later[rows[is_later] - self.num_base]
        return found.astype(np.float32, copy=False)


class _Placed(NamedTuple):
    """Tokens and vectors [E, D] of the first E items that came later, and whether each has them."""

    tokens: NDArray[np.float32]
    vectors: NDArray[np.float32]
    is_placed: NDArray[np.bool_]

    @classmethod
    def nothing(cls, dim: int) -> _Placed:
        empty = np.empty((0, dim), dtype=np.float32)
        return cls(empty, empty, np.empty(0, dtype=np.bool_))

    def has(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        inside = (places >= 0) & (places < len(self.is_placed))
        return inside & self.is_placed[np.where(inside, places, 0)] if len(self.is_placed) else inside

    def having(
        self, places: NDArray[np.int64], size: int, tokens: NDArray[np.float32], vectors: NDArray[np.float32]
    ) -> _Placed:
        """A copy with more; whoever reads keeps what it has."""
        more = size - len(self.is_placed)
        grown = _Placed(
            np.pad(self.tokens, ((0, more), (0, 0))),
            np.pad(self.vectors, ((0, more), (0, 0))),
            np.pad(self.is_placed, (0, more)),
        )
        grown.tokens[places], grown.vectors[places], grown.is_placed[places] = tokens, vectors, True
        return grown
