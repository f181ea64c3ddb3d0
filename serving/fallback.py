"""Answers without models or store: what is popular now, or was when the bundle was made; never a forbidden item.

Shapes: R item rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.bundle import Bundle
from serving.catalogue import EVERYTHING, CatalogueFilter
from serving.pipeline import StageReport
from serving.recommendation import Recommendation, Step
from serving.shelf import Shelf
from serving.state import LiveState
from towers.query import Query
from towers.vocabulary import NUM_RESERVED

NUM_STATIC: Final = 5000
REORDER_MS: Final = 1000


class Fallback:
    """The two lowest rungs of the ladder."""

    def __init__(self, bundle: Bundle, state: LiveState, shelf: Shelf, clock_ms: Callable[[], int]) -> None:
        self._version = bundle.version
        self._state = state
        self._shelf = shelf
        self._clock_ms = clock_ms
        self._static = _best(bundle.popularity)
        self._popular = self._static
        self._ordered_ms = -REORDER_MS

    def popular(self, query: Query, k: int, within: CatalogueFilter, *, filter_seen: bool) -> Recommendation:
        """What is chosen most now; the order is at most a second old."""
        if (now_ms := self._clock_ms()) - self._ordered_ms >= REORDER_MS:
            self._popular, self._ordered_ms = _best(self._state.popularity()), now_ms
        return self._answer(self._popular, Step.POPULARITY, query, k, within, filter_seen)

    def static(self, query: Query, k: int, within: CatalogueFilter, *, filter_seen: bool) -> Recommendation:
        """What was chosen most at the end of training."""
        return self._answer(self._static, Step.STATIC, query, k, within, filter_seen)

    def _answer(
        self,
        ordered: NDArray[np.int64],
        step: Step,
        query: Query,
        k: int,
        within: CatalogueFilter,
        filter_seen: bool,
    ) -> Recommendation:
        forbidden = self._forbidden(query, filter_seen=filter_seen)
        rows = self._chosen(ordered, forbidden, within)[:k]
        if len(rows) < k and len(ordered) >= NUM_STATIC:
            every = self._state.items.item_rows
            rest = np.setdiff1d(self._chosen(every, forbidden, within), rows)
            rows = np.concatenate([rows, rest[: k - len(rows)]])
        return Recommendation(
            items=tuple(self._state.items.ids(rows)),
            scores=tuple((-np.arange(len(rows), dtype=np.float64)).tolist()),
            reasons=("popular",) * len(rows),
            rows=rows,
            model_version=self._version,
            degraded=True,
            stages=(StageReport(step.value, len(rows), 0, 0.0),),
            step=step,
        )

    def _forbidden(self, query: Query, *, filter_seen: bool) -> NDArray[np.int64]:
        """Rows that are closed, excluded or seen."""
        ts_ms = self._clock_ms() if query.ts_ms is None else query.ts_ms
        parts = [self._shelf.closed(ts_ms), self._state.items.rows(query.exclude)]
        if filter_seen and query.history is not None:
            parts.append(self._state.items.rows(query.history))
        elif filter_seen:
            parts.append(self._state.history(query.user_id).rows)
        return np.concatenate(parts)

    def _chosen(
        self, rows: NDArray[np.int64], forbidden: NDArray[np.int64], within: CatalogueFilter
    ) -> NDArray[np.int64]:
        if within != EVERYTHING:
            rows = rows[np.isin(rows, self._shelf.rows(within))]
        return rows[~np.isin(rows, forbidden)]


def _best(popularity: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most popular item rows, best first."""
    shares = popularity[NUM_RESERVED:]
    if len(shares) > NUM_STATIC:
        head = np.argpartition(-shares, NUM_STATIC)[:NUM_STATIC]
        return head[np.lexsort((head, -shares[head]))] + NUM_RESERVED
    return np.argsort(-shares, kind="stable") + NUM_RESERVED
