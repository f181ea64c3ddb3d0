"""A set of item rows: cheap to intersect, to count and to ask, whether it holds three rows or all but three.

Shapes: R rows counted from 0, M rows of the set, n rows asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

WORD: Final = 64
FEW: Final = 4096
"""Rows that are gone through as fast as a bitmap is."""
LARGEST: Final = 2**34
"""Row from which on no bitmap is made: it would take two gigabytes."""


class RowSet:
    """Immutable. Kept as rows or as a bitmap, whichever it was made from; the other form is made when asked for.

    Sets of different length combine: rows behind the end of the shorter one are outside it. Sets of places in an
    index are RowSets too.
    """

    def __init__(self, rows: NDArray[np.int64] | None = None, words: NDArray[np.uint64] | None = None) -> None:
        """Unchecked: `of`, `where` and `all` are for everybody. rows: ascending and distinct. words: 64 rows each."""
        if rows is not None:
            self.rows = rows
        if words is not None:
            self.words = words

    @classmethod
    def of(cls, rows: ArrayLike) -> Self:
        """The set of the rows [n], in any order, repeated or not; negative ones are in no set."""
        rows = whole_numbers(rows, "allowed rows")
        if rows.ndim != 1:
            raise ValueError(f"allowed rows have shape {rows.shape}; give one dimension")
        if len(rows) > 1 and not (rows[1:] > rows[:-1]).all():
            rows = np.unique(rows)
        return cls(rows[np.searchsorted(rows, 0) :])

    @classmethod
    def where(cls, mask: NDArray[np.bool_]) -> Self:
        """The rows where the mask [R] is true."""
        packed = np.packbits(mask, bitorder="little")
        words = np.zeros(-(-len(mask) // WORD), dtype=np.uint64)
        words.view(np.uint8)[: len(packed)] = packed
        return cls(words=words)

    @classmethod
    def all(cls, num_rows: int) -> Self:
        """Rows 0 to num_rows - 1."""
        words = np.full(-(-num_rows // WORD), ~np.uint64(0))
        if num_rows % WORD:
            words[-1] = (1 << num_rows % WORD) - 1
        return cls(words=words)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """int64 [M], ascending."""
        return np.flatnonzero(np.unpackbits(self.words.view(np.uint8), bitorder="little").view(np.bool_))

    @cached_property
    def words(self) -> NDArray[np.uint64]:
        """The bitmap, in little-endian words; a ValueError names a row too large for one."""
        num_rows = int(self.rows[-1]) + 1 if len(self.rows) else 0
        if num_rows > LARGEST:
            raise ValueError(f"row {num_rows - 1} is too large for a bitmap; number the items from 0")
        mask = np.zeros(num_rows, dtype=np.bool_)
        mask[self.rows] = True
        return self.where(mask).words

    @cached_property
    def _count(self) -> int:
        return len(self.rows) if self._has_rows else int(np.bitwise_count(self.words).sum())

    def __len__(self) -> int:
        return self._count

    def __and__(self, other: RowSet) -> RowSet:
        short, long = (self, other) if self._is_short else (other, self)
        if short._is_short:
            return RowSet(short.rows[long.has(short.rows)])
        length = min(len(self.words), len(other.words))
        return RowSet(words=self.words[:length] & other.words[:length])

    def __or__(self, other: RowSet) -> RowSet:
        if self._is_short and other._is_short:
            return RowSet(np.union1d(self.rows, other.rows))
        longer, shorter = sorted((self.words, other.words), key=len, reverse=True)
        words = longer.copy()
        words[: len(shorter)] |= shorter
        return RowSet(words=words)

    def __sub__(self, other: RowSet) -> RowSet:
        if self._is_short:
            return RowSet(self.rows[~other.has(self.rows)])
        words = self.words.copy()
        taken = other.shifted(0, len(words) * WORD).words
        words[: len(taken)] &= ~taken
        return RowSet(words=words)

    def has(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of `rows` [n] is inside."""
        if self._has_words:
            octets = self.words.view(np.uint8)
            inside = (rows >= 0) & (rows < len(octets) * 8)
            known = np.where(inside, rows, 0)
            return inside & ((octets[known >> 3] >> (known & 7)) & 1).astype(np.bool_) if len(octets) else inside
        if len(self.rows) == 0:
            return np.zeros(len(rows), dtype=np.bool_)
        nearest = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        found: NDArray[np.bool_] = self.rows[nearest] == rows
        return found

    def shifted(self, first: int, length: int) -> RowSet:
        """The rows first .. first + length - 1, counted from `first`."""
        if not self._has_words or (self._has_rows and len(self.rows) < len(self.words)):
            start, stop = np.searchsorted(self.rows, (first, first + length))
            return RowSet(self.rows[start:stop] - first)
        skipped, bits = divmod(first, WORD)
        source = np.zeros(-(-length // WORD) + 1, dtype=np.uint64)
        taken = self.words[skipped : skipped + len(source)]
        source[: len(taken)] = taken
        words = source[:-1].copy()
        if bits:
            words = (words >> np.uint64(bits)) | (source[1:] << np.uint64(WORD - bits))
        if length % WORD:
            words[-1] &= np.uint64((1 << length % WORD) - 1)
        return RowSet(words=words)

    @property
    def _is_short(self) -> bool:
        """Whether the rows are at hand and are better gone through one by one."""
        return self._has_rows and (len(self.rows) < FEW or int(self.rows[-1]) > LARGEST)

    @property
    def _has_rows(self) -> bool:
        return "rows" in self.__dict__

    @property
    def _has_words(self) -> bool:
        return "words" in self.__dict__


Allowed = NDArray[np.int64] | RowSet
"""Rows to search among: a list of rows in any order, or a set."""


def row_set(allowed: Allowed) -> RowSet:
    """The set of allowed rows, whichever form it has."""
    return allowed if isinstance(allowed, RowSet) else RowSet.of(allowed)


def whole_numbers(rows: ArrayLike, name: str) -> NDArray[np.int64]:
    """Rows as int64; a ValueError names another type. An empty list has any type."""
    array: NDArray[Any] = np.asarray(rows)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"{name} have type {array.dtype}; give whole numbers (int64)")
    return array.astype(np.int64, copy=False)
