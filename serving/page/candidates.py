"""Rows that might stand on the page, over one pool of scored titles.

Shapes: P titles of the pool, D embedding, C row candidates, L titles of a candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RowCandidate:
    """places: int64 [L], titles of the pool, best first in this row; worth: float64 [L], what each is worth here."""

    row_id: str
    template: str
    title: str
    reason: str
    places: NDArray[np.int64]
    worth: NDArray[np.float64]

    def keeping(self, stays: NDArray[np.bool_]) -> RowCandidate:
        """The row with some of its titles [L] alone."""
        return replace(self, places=self.places[stays], worth=self.worth[stays])


class Table(NamedTuple):
    """All candidates as arrays [C, L]: places (0 where padded), worth (0), is_title; likeness of candidates [C, C]."""

    places: NDArray[np.int64]
    worth: NDArray[np.float64]
    is_title: NDArray[np.bool_]
    likeness: NDArray[np.float64]


def table_of(candidates: Sequence[RowCandidate], vectors: NDArray[np.float32]) -> Table:
    """`vectors` [P, D] are the unit vectors of the pool's titles; alike are rows whose first titles point one way."""
    width = max((len(each.places) for each in candidates), default=0)
    places = np.zeros((len(candidates), width), dtype=np.int64)
    worth = np.zeros((len(candidates), width))
    is_title = np.zeros((len(candidates), width), dtype=np.bool_)
    centres = np.zeros((len(candidates), vectors.shape[1]), dtype=np.float32)
    for c, each in enumerate(candidates):
        count = len(each.places)
        places[c, :count], worth[c, :count], is_title[c, :count] = each.places, each.worth, True
        centres[c] = vectors[each.places[:8]].sum(axis=0)
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    return Table(places, worth, is_title, np.clip(centres @ centres.T, 0, 1).astype(np.float64))
