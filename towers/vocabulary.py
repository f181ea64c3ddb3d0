"""External ids (str) to item rows (int64) and back.

Rows 0 and 1 are reserved: PAD fills histories, UNKNOWN stands for every id not seen in training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

PAD = 0
UNKNOWN = 1
NUM_RESERVED = 2
FEW: Final = 100_000
"""Ids that are looked up in a table of their own; more would take too much memory."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Sorted external ids; the id at position p has row p + 2."""

    encoded: NDArray[np.bytes_]

    @classmethod
    def fit(cls, ids: Iterable[str]) -> Vocabulary:
        """Vocabulary of the distinct ids, sorted by their UTF-8 bytes."""
        return cls(np.unique(_encode(list(ids))))

    @property
    def num_rows(self) -> int:
        """Rows including PAD and UNKNOWN."""
        return len(self.encoded) + NUM_RESERVED

    @property
    def item_rows(self) -> NDArray[np.int64]:
        """All rows that stand for a real id, ascending."""
        return np.arange(NUM_RESERVED, self.num_rows, dtype=np.int64)

    def rows(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Row of each id; UNKNOWN for ids outside the vocabulary."""
        if len(self.encoded) == 0 or len(ids) == 0:
            return np.full(len(ids), UNKNOWN, dtype=np.int64)
        if len(self.encoded) <= FEW:
            row_of = self._row_of
            return np.array([row_of.get(item_id, UNKNOWN) for item_id in ids], dtype=np.int64)
        given = _encode(ids)
        fits = np.strings.str_len(given) <= self.encoded.dtype.itemsize
        wanted = given.astype(self.encoded.dtype)  # a wider type would copy the whole vocabulary
        place = np.minimum(np.searchsorted(self.encoded, wanted), len(self.encoded) - 1)
        return np.where(fits & (self.encoded[place] == wanted), place + NUM_RESERVED, UNKNOWN).astype(np.int64)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {item_id.decode(): row for row, item_id in enumerate(self.encoded.tolist(), start=NUM_RESERVED)}

    def ids(self, rows: NDArray[np.int64]) -> list[str]:
        """External id of each row; a ValueError for PAD, UNKNOWN or a row out of range."""
        rows = np.asarray(rows, dtype=np.int64)
        bad = rows[(rows < NUM_RESERVED) | (rows >= self.num_rows)]
        if len(bad):
            raise ValueError(f"row {bad[0]} stands for no item; rows run from {NUM_RESERVED} to {self.num_rows - 1}")
        return [value.decode() for value in self.encoded[rows - NUM_RESERVED].tolist()]


def _encode(ids: Sequence[str]) -> NDArray[np.bytes_]:
    encoded = [value.encode() for value in ids]
    return np.array(encoded, dtype=np.bytes_) if encoded else np.empty(0, dtype="S1")
