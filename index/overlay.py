"""An index and what changed since it was built: few vectors searched exactly beside it, and rows it must not answer.

A change makes a new object that shares all but the additions with the old one; whoever searches the old one is not
disturbed. Shapes: B queries, N items, D dimensions, K results, n rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from index.exact import EXACT, ExactIndex, empty_top
from index.faiss_index import FaissIndex
from index.row_set import Allowed, RowSet, row_set
from index.topk import TopK
from index.vectors import ItemVectors

OVERLAY: Final = "overlay"
"""The kind that `index.json` names."""
MARGIN: Final = 8
"""Rows asked for beyond k at first, in case some of the best are hidden."""
MOST_HIDDEN: Final = 0.05
"""Share of hidden rows from which on the base is told which rows are left, instead of being asked for more."""

Base = ExactIndex | FaissIndex


@dataclass(frozen=True, eq=False)
class OverlayIndex:
    """base: as built. added: rows put since. hidden: rows of the base that were removed or put anew."""

    base: Base
    added: ExactIndex
    hidden: RowSet

    @classmethod
    def over(cls, base: Base) -> Self:
        """Nothing changed yet."""
        nothing = np.empty((0, base.dim), dtype=np.float32)
        return cls(base, ExactIndex.build(np.empty(0, np.int64), nothing), RowSet.of([]))

    def put(self, rows: ArrayLike, vectors: ArrayLike) -> Self:
        """With vectors [n, D] under the rows [n]: added, or in place of those held so far."""
        new = ItemVectors.of(rows, vectors)
        if new.dim != self.dim:
            raise ValueError(f"vectors have {new.dim} dimensions; this index wants {self.dim}")
        kept = self._added_without(new.rows)
        added = ItemVectors.of(np.concatenate([kept.rows, new.rows]), np.concatenate([kept.vectors, new.vectors]))
        return type(self)(self.base, ExactIndex(added), self._hiding(new.rows))

    def remove(self, rows: ArrayLike) -> Self:
        """Without the rows [n]; rows that are not held are no error."""
        gone = RowSet.of(rows).rows
        return type(self)(self.base, ExactIndex(self._added_without(gone)), self._hiding(gone))

    @property
    def num_items(self) -> int:
        """N as of now."""
        return self.base.num_items - len(self.hidden) + self.added.num_items

    @property
    def dim(self) -> int:
        """D."""
        return self.base.dim

    @property
    def num_bytes(self) -> int:
        """Memory of base and additions."""
        return self.base.num_bytes + self.added.num_bytes

    @property
    def items(self) -> ItemVectors:
        """All vectors held now, copied together: what the next build starts from."""
        kept = self.base.items
        keep = ~self.hidden.has(kept.rows)
        return ItemVectors.of(
            np.concatenate([kept.rows[keep], self.added.items.rows]),
            np.concatenate([kept.vectors[keep], self.added.items.vectors]),
        )

    def has(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a vector is held for each of the rows [n]."""
        in_base = self.base.items.has(rows) & ~self.hidden.has(rows)
        return in_base | self.added.items.has(rows)

    def search(self, queries: NDArray[np.float32], k: int, allowed: Allowed | None = None) -> TopK:
        """See `VectorIndex.search`; the additions are searched exactly, the rest as the base does."""
        if allowed is not None:
            allowed = row_set(allowed)
            old = self.base.search(queries, k, allowed - self.hidden)
        elif len(self.hidden) > MOST_HIDDEN * self.base.num_items:
            old = self.base.search(queries, k, RowSet.of(self.base.items.rows) - self.hidden)
        else:
            old = self._past_hidden(queries, k)
        return _merged(old, self.added.search(queries, k, allowed), k) if self.added.num_items else old

    def save(self, folder: Path) -> None:
        """Write into `folder`, made when absent."""
        self.base.save(folder / "base")
        self.added.save(folder / "added")
        np.save(folder / "hidden.npy", self.hidden.rows, allow_pickle=False)
        (folder / "index.json").write_text(json.dumps({"kind": OVERLAY}))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        hidden = np.load(folder / "hidden.npy", allow_pickle=False)
        return cls(load_base(folder / "base"), ExactIndex.load(folder / "added"), RowSet.of(hidden))

    def _added_without(self, rows: NDArray[np.int64]) -> ItemVectors:
        added = self.added.items
        keep = ~RowSet(rows).has(added.rows)
        return ItemVectors(added.rows[keep], added.vectors[keep], added.largest_norm)

    def _hiding(self, rows: NDArray[np.int64]) -> RowSet:
        return self.hidden | RowSet(rows[self.base.items.has(rows)])

    def _past_hidden(self, queries: NDArray[np.float32], k: int) -> TopK:
        """Ask for a few more than k and drop the hidden; ask again for twice as many where too few are left."""
        if len(self.hidden) == 0:
            return self.base.search(queries, k)
        most = min(k, self.base.num_items - len(self.hidden))
        found = self.base.search(queries, k + min(MARGIN, len(self.hidden)))
        top = empty_top(len(queries), most)
        for b, query in enumerate(queries):
            top.rows[b], top.scores[b] = self._line(query[None], TopK(found.rows[b], found.scores[b]), most)
        return top

    def _line(self, query: NDArray[np.float32], found: TopK, most: int) -> TopK:
        """The best `most` of one query as arrays [most]."""
        while True:
            keep = ~self.hidden.has(found.rows)
            if np.count_nonzero(keep) >= most:
                return TopK(found.rows[keep][:most], found.scores[keep][:most])
            wider = self.base.search(query, 2 * len(found.rows))
            found = TopK(wider.rows[0], wider.scores[0])


def load_base(folder: Path) -> Base:
    """The index of one piece that was saved in `folder`."""
    kind = json.loads((folder / "index.json").read_text())["kind"]
    return ExactIndex.load(folder) if kind == EXACT else FaissIndex.load(folder)


def _merged(old: TopK, new: TopK, k: int) -> TopK:
    """The k best of two answers to the same queries; ties break by the smaller row."""
    rows = np.concatenate([old.rows, new.rows], axis=1)
    scores = np.concatenate([old.scores, new.scores], axis=1)
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    return TopK(np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1))
