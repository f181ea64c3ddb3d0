"""Inverted lists under a filter: visit lists, nearest first, until twice as many bring nothing new.

A fixed number of lists cannot be right: allowed items may lie all around the query or all far from it.
Shapes: D dimensions, P lists, K results.
"""

from __future__ import annotations

from typing import Any

import faiss as untyped_faiss
import numpy as np
from numpy.typing import NDArray

faiss: Any = untyped_faiss  # its stub lags behind its code


def search_further(
    lists: Any, query: NDArray[np.float32], length: int, k: int, first: int, selector: Any
) -> NDArray[np.int64]:
    """Ids [K], best first, K at most `length`, of the items that the selector allows.

    lists: IndexIVF. query: [1, D]. The visit starts with the `first` lists and doubles them until the k best stay the
    same and are k, or no list is left.
    """
    near = _by_nearness(lists, query)
    parameters = faiss.SearchParametersIVF(sel=selector)
    ids, scores = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    done, until = 0, min(max(first, 1), len(near.ids))
    while True:
        new_ids, new_scores = _visit(lists, query, length, near.part(done, until), parameters)
        scores = np.concatenate([scores, new_scores])
        order = np.argsort(-scores, kind="stable")[:length]
        is_settled = len(order) >= k and bool((order[:k] < len(ids)).all())
        ids, scores = np.concatenate([ids, new_ids])[order], scores[order]
        if is_settled or until == len(near.ids):
            return ids
        done, until = until, min(2 * until, len(near.ids))


class _Lists:
    """ids: int64 [P], nearest first. scores: float32 [P] of their centroids."""

    def __init__(self, ids: NDArray[np.int64], scores: NDArray[np.float32]) -> None:
        self.ids = ids
        self.scores = scores

    def part(self, start: int, stop: int) -> _Lists:
        return _Lists(self.ids[start:stop].copy(), self.scores[start:stop].copy())


def _by_nearness(lists: Any, query: NDArray[np.float32]) -> _Lists:
    """All lists; scoring them in numpy and sorting takes 45 us for 4,000, asking the quantiser for all 290."""
    flat = faiss.downcast_index(lists.quantizer)
    centroids = faiss.rev_swig_ptr(flat.get_xb(), lists.nlist * lists.d).reshape(lists.nlist, lists.d)
    scores: NDArray[np.float32] = centroids @ query[0]
    order = np.argsort(-scores)
    return _Lists(order, scores[order])


def _visit(
    lists: Any, query: NDArray[np.float32], length: int, part: _Lists, parameters: Any
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The best allowed items of some lists. The Python wrapper takes no selector here, so the C++ method is called."""
    scores, ids = np.empty((1, length), dtype=np.float32), np.empty((1, length), dtype=np.int64)
    parameters.nprobe = len(part.ids)
    pointers = [faiss.swig_ptr(array) for array in (part.ids, part.scores, scores, ids)]
    lists.search_preassigned_c(1, faiss.swig_ptr(query), length, *pointers, False, parameters)
    is_found = ids[0] >= 0
    return ids[0][is_found], scores[0][is_found]
