"""Answers without models or store: what is popular now, or was when the bundle was made; never a forbidden item.

Shapes: R item rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

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

_LOG = logging.getLogger("marquee.serving")


class Order(NamedTuple):
    """Items in the order in which they are answered: parallel, as lists so that a short answer costs a short walk."""

    rows: NDArray[np.int64]
    numbers: list[int]
    ids: list[str]


class Fallback:
    """The two lowest rungs of the ladder."""

    def __init__(self, bundle: Bundle, state: LiveState, shelf: Shelf, clock_ms: Callable[[], int]) -> None:
        self._version = bundle.version
        self._state = state
        self._shelf = shelf
        self._clock_ms = clock_ms
        self._static = self._order(bundle.popularity)
        self._popular = self._static
        self._ordered_ms = -REORDER_MS

    def now_ms(self) -> int:
        """The clock."""
        return self._clock_ms()

    def order(self) -> tuple[NDArray[np.int64], Step]:
        """Item rows by what is chosen most now, where counts fail by what was at the end of training."""
        try:
            return self._order_now().rows, Step.POPULARITY
        except Exception:
            _LOG.exception("popularity failed; a fixed order takes its place")
            return self._static.rows, Step.STATIC

    def popular(self, query: Query, k: int, within: CatalogueFilter, *, filter_seen: bool) -> Recommendation:
        """What is chosen most now; the order is at most a second old."""
        rows = self._allowed(self._order_now(), query, k, within, filter_seen=filter_seen)
        return self._answer(rows, Step.POPULARITY)

    def static(self, query: Query, k: int, within: CatalogueFilter, *, filter_seen: bool) -> Recommendation:
        """What was chosen most at the end of training."""
        return self._answer(self._allowed(self._static, query, k, within, filter_seen=filter_seen), Step.STATIC)

    def _order_now(self) -> Order:
        if (now_ms := self._clock_ms()) - self._ordered_ms >= REORDER_MS:
            self._popular, self._ordered_ms = self._order(self._state.popularity()), now_ms
        return self._popular

    def _allowed(
        self, order: Order, query: Query, k: int, within: CatalogueFilter, *, filter_seen: bool
    ) -> dict[int, str]:
        """The first k allowed items, id by row; those behind the order by row."""
        ids, rows = self._forbidden(query, filter_seen=filter_seen)
        inside = None if within == EVERYTHING else set(self._shelf.rows(within).tolist())

        def walk(order: Order, found: dict[int, str]) -> dict[int, str]:
            for row, item_id in zip(order.numbers, order.ids, strict=True):
                if len(found) >= k:
                    break
                if item_id not in ids and row not in rows and (inside is None or row in inside):
                    found[row] = item_id
            return found

        found = walk(order, {})
        if len(found) < k:
            found = walk(self._listed(self._state.items.item_rows), found)
        return found

    def _forbidden(self, query: Query, *, filter_seen: bool) -> tuple[set[str], set[int]]:
        """Ids that are excluded or seen, and rows that are closed or seen."""
        ts_ms = self._clock_ms() if query.ts_ms is None else query.ts_ms
        ids, rows = set(query.exclude), set(self._shelf.closed(ts_ms).tolist())
        if filter_seen and query.history is not None:
            ids.update(query.history)
        elif filter_seen:
            rows.update(self._state.history(query.user_id).rows.tolist())
        return ids, rows

    def _answer(self, found: dict[int, str], step: Step) -> Recommendation:
        return Recommendation(
            items=tuple(found.values()),
            scores=tuple(-float(place) for place in range(len(found))),
            reasons=("popular",) * len(found),
            rows=np.fromiter(found, dtype=np.int64, count=len(found)),
            propensities=(1.0,) * len(found),
            model_version=self._version,
            degraded=True,
            stages=(StageReport(step.value, len(found), 0, 0.0),),
            step=step,
        )

    def _order(self, popularity: NDArray[np.float64]) -> Order:
        return self._listed(_best(popularity))

    def _listed(self, rows: NDArray[np.int64]) -> Order:
        return Order(rows, rows.tolist(), self._state.items.ids(rows))


def _best(popularity: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most popular item rows, best first."""
    shares = popularity[NUM_RESERVED:]
    if len(shares) > NUM_STATIC:
        head = np.argpartition(-shares, NUM_STATIC)[:NUM_STATIC]
        return head[np.lexsort((head, -shares[head]))] + NUM_RESERVED
    return np.argsort(-shares, kind="stable") + NUM_RESERVED
