"""What the server knows now: viewers' histories, at first those of the bundle, and popularity that fades.

Shapes: R item rows.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.popularity import DecayedCounts
from serving.events import Event, action_of, share_bucket
from towers.history import EMPTY_HISTORY, Histories, History
from towers.schema import HISTORY_EVENTS, TARGET_EVENTS
from towers.vocabulary import NUM_RESERVED, UNKNOWN, Vocabulary


class LiveState:
    """Histories and popularity; one writer at a time, readers always see whole histories.

    The `histories` of the `viewers` (viewer u has row u + 2) never change; events recorded later lie beside them.
    """

    @dataclass(frozen=True)
    class Config:
        """`half_life_s` of popularity, where the data has a clock; `num_event_ids` bounds the ids remembered."""

        half_life_s: float = 7 * 86_400.0
        num_event_ids: int = 1_000_000

    def __init__(
        self, items: Vocabulary, viewers: Vocabulary, histories: Histories, counts: DecayedCounts, num_event_ids: int
    ) -> None:
        self._items = items
        self._viewers = viewers
        self._histories = histories
        self._counts = counts
        self._num_event_ids = num_event_ids
        self._later: dict[str, History] = {}
        self._event_ids: OrderedDict[str, None] = OrderedDict()
        self._shares: NDArray[np.float64] | None = None

    def history(self, user_id: str | None) -> History:
        """All that is known of a viewer in time order; empty for an unknown one."""
        if user_id is None:
            return EMPTY_HISTORY
        base, later = self._base(user_id), self._later.get(user_id)
        return base if later is None else in_time_order(base.extended(later))

    def popularity(self) -> NDArray[np.float64]:
        """Share of each row [R] in the faded choices; the array is shared, do not write into it."""
        if self._shares is None:
            self._shares = self._counts.shares()
        return self._shares

    def record(self, event: Event) -> bool:
        """Take an event in, late ones too; False when it changes nothing: known `event_id`, unknown item, no history
        event.
        """
        if event.event_id is not None and not self._is_new(event.event_id):
            return False
        row = self._items.rows([event.item_id])
        if row[0] == UNKNOWN or event.event not in HISTORY_EVENTS:
            return False
        ts_ms = np.array([event.ts_ms], dtype=np.int64)
        action, share = (np.array([code], dtype=np.int8) for code in (action_of(event), share_bucket(event)))
        later = self._later.get(event.user_id, EMPTY_HISTORY)
        self._later[event.user_id] = in_time_order(later.extended(History.of(row, ts_ms, action, share)))
        if event.event in TARGET_EVENTS:
            self._counts.add(row, ts_ms)
            self._shares = None
        return True

    def _base(self, user_id: str) -> History:
        viewer = int(self._viewers.rows([user_id])[0]) - NUM_RESERVED
        return self._histories.of(viewer) if viewer >= 0 else EMPTY_HISTORY

    def _is_new(self, event_id: str) -> bool:
        if event_id in self._event_ids:
            return False
        self._event_ids[event_id] = None
        if len(self._event_ids) > self._num_event_ids:
            self._event_ids.popitem(last=False)
        return True


def half_life_s(config: LiveState.Config, has_clock: bool) -> float:
    """Half life of popularity; where times are mere positions nothing fades."""
    return config.half_life_s if has_clock else math.inf


def in_time_order(history: History) -> History:
    """Sorted by time; events of one moment keep the order in which they came."""
    if np.all(history.ts_ms[1:] >= history.ts_ms[:-1]):
        return history
    order = np.argsort(history.ts_ms, kind="stable")
    return History(history.rows[order], history.ts_ms[order], history.actions[order], history.shares[order])
