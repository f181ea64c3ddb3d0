"""Which titles come into the pool of a page: all that may be shown and that some source proposes.

Shapes: R item rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.row_set import RowSet
from serving.items import ItemTable
from serving.page.moment import GOOD, RESUMABLE, Moment
from serving.page.parts import PageParts
from serving.pipeline import Request
from serving.shelf import Shelf
from serving.sources import TowerSource
from towers.history import Action, History
from towers.vocabulary import NUM_RESERVED, UNKNOWN

NUM_ANCHORS: Final = 3
RETURNING: Final = (Action.LIKED, Action.COMPLETED, Action.LISTED)


class Gatherer:
    """Asks every source of a page for rows."""

    @dataclass(frozen=True)
    class Config:
        """How many titles each source brings."""

        num_towers: int = 220
        num_popular: int = 40
        num_others: int = 24

    def __init__(self, parts: PageParts, shelf: Shelf, items: ItemTable, config: Config | None = None) -> None:
        self._parts = parts
        self._shelf = shelf
        self._items = items
        self._config = config or self.Config()
        self._towers = TowerSource(shelf)

    def rows(
        self, request: Request, moment: Moment, listed: NDArray[np.int64], allowed: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Distinct `allowed` [R] rows from all sources; `listed` were put on the list just now."""
        config, num_rows = self._config, len(allowed)
        heats = (request.popularity[:num_rows], moment.like_you, moment.trending)
        counts = (config.num_popular, config.num_others, config.num_others)
        parts = [self._by_towers(request, moment.history, allowed), self._newest(request.ts_ms)]
        parts += [self._near(moment.history), _returning(moment.history), listed]
        parts += [_top(heat, count) for heat, count in zip(heats, counts, strict=True) if heat is not None]
        rows = np.unique(np.concatenate(parts))
        return np.asarray(rows[allowed[rows] & (rows != UNKNOWN)], dtype=np.int64)

    def _by_towers(self, request: Request, history: History, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """What the towers propose."""
        is_open = bool(allowed[NUM_RESERVED:].all())
        count = self._config.num_towers + (len(history.rows) if is_open else 0)
        found = self._towers.propose(request, count, None if is_open else RowSet.where(allowed)).rows
        return found[found < len(allowed)]

    def _near(self, history: History) -> NDArray[np.int64]:
        """Nearest titles to the newest liked ones."""
        liked = history.rows[np.isin(history.actions, GOOD)][::-1]
        anchors = list(dict.fromkeys(liked.tolist()))[:NUM_ANCHORS]
        if not anchors:
            return np.empty(0, dtype=np.int64)
        count = min(self._config.num_others + 1, self._parts.bundle.index.num_items)
        rows: NDArray[np.int64] = self._shelf.search(self._items.vectors(np.array(anchors)), count).rows.ravel()
        return rows[(rows >= NUM_RESERVED) & (rows < self._parts.catalogue.num_rows)]

    def _newest(self, ts_ms: int) -> NDArray[np.int64]:
        """What came out last."""
        released = self._parts.releases
        out = np.where(np.isfinite(released) & (released <= ts_ms), released, -np.inf)
        newest = np.argsort(-out, kind="stable")[: self._config.num_others]
        return newest[out[newest] > -np.inf].astype(np.int64)


def _returning(history: History) -> NDArray[np.int64]:
    """Titles of the history that may stand on a page again: begun, listed, liked."""
    begun = (history.shares >= RESUMABLE[0]) & (history.shares <= RESUMABLE[1])
    again = np.isin(history.actions, RETURNING)
    return np.concatenate([history.rows[begun][-20:], history.rows[again][-40:]])


def _top(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Rows of the largest positive values."""
    best = np.argpartition(-values, min(count, len(values) - 1))[:count]
    return np.asarray(best[values[best] > 0], dtype=np.int64)
