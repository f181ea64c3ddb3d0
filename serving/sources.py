"""Candidate sources: the towers through the index, and what is popular now. Shapes: R item rows."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.topk import Candidates, TopK
from serving.pipeline import Request, Source
from towers.vocabulary import NUM_RESERVED

NOTHING = Candidates(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int8))


class Searchable(Protocol):
    """An index, or what stands before one."""

    def search(self, queries: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None) -> TopK: ...


class TowerSource:
    """Nearest items to the viewer's vector; nothing when there is no vector."""

    def __init__(self, index: Searchable) -> None:
        self._index = index

    def propose(self, request: Request, count: int, allowed: NDArray[np.int64] | None = None) -> Candidates:
        """Best first; scores are inner products."""
        if request.vector is None or count < 1 or (allowed is not None and len(allowed) == 0):
            return NOTHING
        found = self._index.search(request.vector[None, :], count, allowed)
        return _from(Source.TOWERS, found.rows[0], found.scores[0])


class PopularSource:
    """What is chosen most now; ties and items never chosen in the order of their rows."""

    def propose(self, request: Request, count: int, allowed: NDArray[np.int64] | None = None) -> Candidates:
        """Best first; scores are shares of the faded choices."""
        rows = np.arange(NUM_RESERVED, len(request.popularity)) if allowed is None else np.unique(allowed)
        shares = request.popularity[rows]
        best = _largest(shares, count)
        return _from(Source.POPULARITY, rows[best], shares[best].astype(np.float32))


def _from(source: Source, rows: NDArray[np.int64], scores: NDArray[np.float32]) -> Candidates:
    return Candidates(rows, scores, np.full(len(rows), source, dtype=np.int8))


def _largest(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Places of the `count` largest values, best first, ties by place: a stable sort's head without the sort."""
    if count >= len(values):
        return np.argsort(-values, kind="stable")
    if count < 1:
        return np.empty(0, dtype=np.int64)
    cut = np.partition(values, len(values) - count)[len(values) - count]
    above = np.flatnonzero(values > cut)
    level = np.flatnonzero(values == cut)[: count - len(above)]
    chosen = np.union1d(above, level)
    return chosen[np.argsort(-values[chosen], kind="stable")]
