"""Several sources' proposals become one list with the place that each source gave.

Shapes: K candidates, S sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.topk import Candidates


class Merged(NamedTuple):
    """Distinct candidates, in the order of the sources, named by the first that proposed them.

    ranks: int64 [K, S], the place from 0 in each source's list, or the source's `limit` where it did not propose.
    """

    candidates: Candidates
    ranks: NDArray[np.int64]


def merge(proposals: Sequence[Candidates], limits: Sequence[int]) -> Merged:
    """Union of the proposals [S] of sources that were asked for `limits` [S] items."""
    rows = np.concatenate([np.empty(0, np.int64), *(each.rows for each in proposals)])
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    kept = np.sort(first)
    place = np.empty(len(rows), dtype=np.int64)
    place[kept] = np.arange(len(kept))
    place = place[first[inverse]]
    ranks = np.tile(np.asarray(limits, dtype=np.int64), (len(kept), 1))
    start = 0
    for s, (each, limit) in enumerate(zip(proposals, limits, strict=True)):
        stop = start + len(each.rows)
        ranks[place[start:stop], s] = np.minimum(np.arange(stop - start), limit)
        start = stop
    scores = np.concatenate([np.empty(0, np.float32), *(each.scores for each in proposals)])[kept]
    source = np.concatenate([np.empty(0, np.int8), *(each.source for each in proposals)])[kept]
    return Merged(Candidates(rows[kept], scores.astype(np.float32), source.astype(np.int8)), ranks)


def places(rows: NDArray[np.int64], proposals: Sequence[Candidates], limits: Sequence[int]) -> NDArray[np.int64]:
    """The place [K, S] of each row in each list, the source's limit where it is absent."""
    ranks = np.empty((len(rows), len(proposals)), dtype=np.int64)
    for s, (each, limit) in enumerate(zip(proposals, limits, strict=True)):
        order = np.argsort(each.rows, kind="stable")
        at = np.minimum(np.searchsorted(each.rows, rows, sorter=order), max(len(order) - 1, 0))
        found = each.rows[order[at]] == rows if len(order) else np.zeros(len(rows), dtype=np.bool_)
        ranks[:, s] = np.minimum(order[at], limit) if len(order) else limit
        ranks[~found, s] = limit
    return ranks
