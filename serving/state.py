"""What the server knows now: viewers' histories, at first those of the bundle, and popularity that fades."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking.popularity import DecayedCounts
from towers.history import EMPTY_HISTORY, Action, Histories, History
from towers.schema import HISTORY_EVENTS, TARGET_EVENTS, EventType
from towers.vocabulary import NUM_RESERVED, UNKNOWN, Vocabulary


class Event(NamedTuple):
    """One event of the live stream; `event_id`, when given, makes its delivery idempotent."""

    user_id: str
    item_id: str
    ts_ms: int
    event: EventType = EventType.CLICK
    event_id: str | None = None


ACTION_OF: Final[Mapping[EventType, Action]] = {
    EventType.THUMB_UP: Action.LIKED,
    EventType.THUMB_DOWN: Action.DISLIKED,
    EventType.NOT_INTERESTED: Action.DISLIKED,
    EventType.COMPLETE: Action.COMPLETED,
    EventType.LIST_ADD: Action.LISTED,
    EventType.PURCHASE: Action.PURCHASED,
}
"""Every other event of a history counts as CHOSEN."""


class LiveState:
    """Histories and popularity; one writer at a time, readers see whole histories.

    `histories` of the viewers in `viewers` (viewer u has row u + 2) are never changed; events recorded later lie
    beside them, in time order.
    """

    @dataclass(frozen=True)
    class Config:
        """`num_event_ids` bounds the memory of ids already recorded."""

        num_event_ids: int = 1_000_000

    def __init__(
        self,
        items: Vocabulary,
        viewers: Vocabulary,
        histories: Histories,
        counts: DecayedCounts,
        config: Config | None = None,
    ) -> None:
        self._items = items
        self._viewers = viewers
        self._histories = histories
        self._counts = counts
        self._config = config or self.Config()
        self._later: dict[str, History] = {}
        self._event_ids: OrderedDict[str, None] = OrderedDict()
        self._shares: NDArray[np.float64] | None = None

    def history(self, user_id: str | None) -> History:
        """All that is known of a viewer in time order; empty for an unknown one."""
        if user_id is None:
            return EMPTY_HISTORY
        base, later = self._base(user_id), self._later.get(user_id)
        if later is None:
            return base
        return _in_time_order(base.extended(later))

    def popularity(self) -> NDArray[np.float64]:
        """Share of each row [R] in the faded choices; the array is shared, do not write into it."""
        if self._shares is None:
            self._shares = self._counts.shares()
        return self._shares

    def record(self, event: Event) -> bool:
        """Take an event in, late ones too; False when its `event_id` was recorded before or it changes nothing."""
        if event.event_id is not None and not self._is_new(event.event_id):
            return False
        row = self._items.rows([event.item_id])
        if row[0] == UNKNOWN or event.event not in HISTORY_EVENTS:
            return False
        ts_ms = np.array([event.ts_ms], dtype=np.int64)
        action = np.array([ACTION_OF.get(event.event, Action.CHOSEN)], dtype=np.int8)
        later = self._later.get(event.user_id, EMPTY_HISTORY)
        self._later[event.user_id] = _in_time_order(later.extended(History.of(row, ts_ms, action)))
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
        if len(self._event_ids) > self._config.num_event_ids:
            self._event_ids.popitem(last=False)
        return True


def _in_time_order(history: History) -> History:
    """Sorted by time; events of one moment keep the order in which they came."""
    if len(history.ts_ms) < 2 or np.all(history.ts_ms[1:] >= history.ts_ms[:-1]):
        return history
    order = np.argsort(history.ts_ms, kind="stable")
    return History(*(array[order] for array in history))
