"""The item vectors every index keeps in full precision, in ascending order of their rows.

Shapes: N items, D dimensions, B queries, M places. A place is a position 0..N-1; smaller place, smaller row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from index.row_set import Allowed, RowSet, row_set, whole_numbers


@dataclass(frozen=True, eq=False)
class ItemVectors:
    """rows: int64 [N], ascending and distinct. vectors: float32 [N, D]. largest_norm: of any vector, 0 when N is 0."""

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    largest_norm: float

    @classmethod
    def of(cls, rows: ArrayLike, vectors: ArrayLike) -> Self:
        """Vectors [N, D] of the rows [N], in any order; a ValueError for what no index can hold."""
        rows, vectors = np.asarray(rows), np.asarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or rows.shape != vectors.shape[:1] or vectors.shape[1] == 0:
            raise ValueError(
                f"rows {rows.shape} and vectors {vectors.shape} do not fit; give [N] and [N, D], D above 0"
            )
        rows = whole_numbers(rows, "rows")
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        if len(rows) and rows[0] < 0:
            raise ValueError(f"row {rows[0]} is negative; item rows start at 0")
        twice = np.flatnonzero(rows[1:] == rows[:-1])
        if len(twice):
            raise ValueError(f"row {rows[twice[0]]} has two vectors; give one")
        vectors = np.ascontiguousarray(vectors[order])
        norms = _norms(vectors)
        if not np.isfinite(norms).all():
            raise ValueError(f"the vector of row {rows[~np.isfinite(norms)][0]} is not finite")
        return cls(rows, vectors, float(norms.max(initial=0.0)))

    @property
    def num_items(self) -> int:
        """N."""
        return len(self.rows)

    @property
    def dim(self) -> int:
        """D."""
        return int(self.vectors.shape[1])

    @property
    def num_bytes(self) -> int:
        """Memory of rows and vectors."""
        return self.rows.nbytes + self.vectors.nbytes

    def has(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of `rows` [n] is held."""
        return RowSet(self.rows).has(rows)

    def within(self, allowed: Allowed) -> RowSet:
        """The set of places of those of the allowed rows that are held."""
        asked = row_set(allowed)
        if self.num_items == 0 or self.rows[-1] - self.rows[0] == self.num_items - 1:
            return asked.shifted(int(self.rows[0]) if self.num_items else 0, self.num_items)
        return RowSet.where(asked.has(self.rows))

    def places(self, allowed: Allowed) -> NDArray[np.int64]:
        """Places [M] of those of the allowed rows that are held, ascending and distinct."""
        return self.within(allowed).rows

    def scores(self, query: NDArray[np.float32], places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Inner products [M] of one query [D]; the same pair gives the same bits whatever stands beside it."""
        scores: NDArray[np.float32] = np.einsum("md,d->m", self.vectors[places], query)
        return scores

    def checked(self, queries: ArrayLike, k: int) -> NDArray[np.float32]:
        """The queries as float32 [B, D]; a ValueError names a wrong shape, a non-finite query or a k below 1."""
        if k < 1:
            raise ValueError(f"k is {k}; ask for at least 1 item")
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(f"queries have shape {queries.shape}; this index wants [B, {self.dim}]")
        bad = np.flatnonzero(~np.isfinite(_norms(queries)))
        if len(bad):
            raise ValueError(f"query {bad[0]} is not finite; check the model that encoded it")
        return queries

    def save(self, folder: Path) -> None:
        """Write `rows.npy`, `vectors.npy` and `largest_norm.npy`."""
        np.save(folder / "rows.npy", self.rows, allow_pickle=False)
        np.save(folder / "vectors.npy", self.vectors, allow_pickle=False)
        np.save(folder / "largest_norm.npy", np.float64(self.largest_norm), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the vectors stay on disk and are shared between processes."""
        rows = np.load(folder / "rows.npy", allow_pickle=False)
        vectors = np.asarray(np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False))
        norm = folder / "largest_norm.npy"  # absent from older folders
        known = np.load(norm, allow_pickle=False) if norm.is_file() else _norms(vectors).max(initial=0.0)
        return cls(rows, vectors, float(known))


def _norms(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):
        norms: NDArray[np.float32] = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    return norms
