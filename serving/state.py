"""What the server knows now: items, viewers' histories, at first those of the bundle, popularity and live signals.

Shapes: R item rows.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ranking.popularity import DecayedCounts
from ranking.signals import LiveSignals
from ranking.watch_details import DETAILS
from serving.events import ONBOARDING, Event, action_of, share_bucket
from serving.items import ItemTable
from serving.store.digest import digest
from towers.features import FeatureSpec
from towers.history import EMPTY_HISTORY, Action, Histories, History
from towers.schema import HISTORY_EVENTS, TARGET_EVENTS, EventType
from towers.vocabulary import NUM_RESERVED, UNKNOWN, Vocabulary

AFTERWARDS: Final = frozenset({EventType.STOP, EventType.PROGRESS})
"""Events that tell how much was watched of a play before."""

EVERYTHING: Final = -1
"""In place of a row: all of a history was taken back."""


class Listener(Protocol):
    """Is told of every event once, those that enter no history too."""

    def observe(self, event: Event) -> None: ...

    def forget(self, user_id: str) -> None: ...


class LiveState:
    """Items, histories, popularity and signals; one writer at a time, readers always see whole histories.

    The `histories` of the `viewers` (viewer u has row u + 2) never change; events recorded later lie beside them.
    """

    @dataclass(frozen=True)
    class Config:
        """`half_life_s` of popularity, where the data has a clock; `num_event_ids` bounds the ids remembered."""

        half_life_s: float = 7 * 86_400.0
        num_event_ids: int = 1_000_000

    def __init__(
        self,
        spec: FeatureSpec,
        items: ItemTable,
        viewers: Vocabulary,
        histories: Histories,
        counts: DecayedCounts,
        signals: LiveSignals,
        num_event_ids: int = Config.num_event_ids,
    ) -> None:
        self.items = items
        self.signals = signals
        self._spec = spec
        self._viewers = viewers
        self._histories = histories
        self._counts = counts
        self._num_event_ids = num_event_ids
        self._later: dict[str, History] = {}
        self._ids = {digest(name): name for name in map(bytes.decode, signals.exposure.viewers().tolist())}
        self._forgotten: set[str] = set()
        self._event_ids: OrderedDict[str, None] = OrderedDict()
        self._shares: NDArray[np.float64] | None = None
        self._listeners: list[Listener] = []
        self._memories: list[Listener] = []
        self._taken_back: dict[str, list[tuple[int, int]]] = {}

    def tell(self, listener: Listener, remembers: bool = False) -> None:
        """Tell the listener of every event from now on; one that `remembers`, of older ones that last as well."""
        self._listeners.append(listener)
        if remembers:
            self._memories.append(listener)

    @property
    def columns(self) -> tuple[str, ...]:
        """Context columns that events may carry."""
        return self._spec.columns

    def history(self, user_id: str | None) -> History:
        """All that is known of a viewer in time order; empty for an unknown one."""
        if user_id is None:
            return EMPTY_HISTORY
        base, later = self._base(user_id), self._later.get(user_id)
        whole = base if later is None else in_time_order(base.extended(later))
        return without(whole, self._taken_back.get(user_id, ()))

    def number_of(self, user_id: str) -> int:
        """Number of a viewer whom the bundle knows, -1 for others and for those who were forgotten."""
        if self._forgotten and digest(user_id) in self._forgotten:
            return -1
        return max(int(self._viewers.rows([user_id])[0]) - NUM_RESERVED, -1)

    def popularity(self) -> NDArray[np.float64]:
        """Share of each row in the faded choices, one entry a row of `items`; shared, do not write into it."""
        if self._shares is None or len(self._shares) != self.items.num_rows:
            self._shares = _fitted(self._counts.shares(), self.items.num_rows)
        return self._shares

    def record(self, event: Event) -> bool:
        """Take an event in, late ones too; False when it enters no history: known `event_id`, no history event, or
        an unknown item that was not chosen.

        An unknown item that was chosen becomes one of the `items`. Impressions count in the signals.
        """
        if event.event_id is not None and not self._is_new(event.event_id):
            return False
        for listener in self._listeners:
            listener.observe(event)
        self._ids.setdefault(digest(event.user_id), event.user_id)
        self._take_back(event)
        self._unsee(event)
        is_choice = event.event in TARGET_EVENTS
        row = self.items.ensure(event.item_id) if is_choice else int(self.items.rows([event.item_id])[0])
        if row == UNKNOWN:
            return False
        if event.event not in HISTORY_EVENTS:
            self._note(event, row)
            return False
        if is_choice and event.row_type != ONBOARDING:
            self._count(event, row)
        rows, ts_ms = np.array([row], dtype=np.int64), np.array([event.ts_ms], dtype=np.int64)
        action, share = (np.array([code], dtype=np.int8) for code in (action_of(event), share_bucket(event)))
        later = self._later.get(event.user_id, EMPTY_HISTORY)
        self._later[event.user_id] = in_time_order(later.extended(History.of(rows, ts_ms, action, share)))
        return True

    def remember(self, event: Event) -> None:
        """An event that the histories and counts of training hold already, for what they do not hold of it."""
        for listener in self._memories:
            listener.observe(event)
        self._ids.setdefault(digest(event.user_id), event.user_id)
        self._take_back(event)

    def _note(self, event: Event, row: int) -> None:
        """What enters no history, but says something of an item that was shown or of a play before."""
        if event.event == EventType.IMPRESSION:
            self.signals.show(event.user_id, row, event.ts_ms)
        elif event.event in DETAILS:
            self.signals.details.note(event.user_id, row, event.event)
        elif event.event in AFTERWARDS:
            self._watched(event, row)

    def _watched(self, event: Event, row: int) -> None:
        """What became of the play before: its share and what it makes of the title."""
        later = self._later.get(event.user_id, EMPTY_HISTORY)
        plays = np.flatnonzero((later.rows == row) & (later.ts_ms <= event.ts_ms))
        share = share_bucket(event)
        if len(plays) == 0 or share == 0:
            return
        shares, actions = later.shares.copy(), later.actions.copy()
        shares[plays[-1]] = share
        if actions[plays[-1]] in {Action.CHOSEN, Action.ABANDONED, Action.COMPLETED}:
            actions[plays[-1]] = action_of(event._replace(event=EventType.PLAY))
        self._later[event.user_id] = later._replace(shares=shares, actions=actions)

    def _take_back(self, event: Event) -> None:
        if event.event == EventType.RESET:
            self._taken_back.setdefault(event.user_id, []).append((EVERYTHING, event.ts_ms))
        elif event.event == EventType.REMOVE_FROM_HISTORY:
            row = int(self.items.rows([event.item_id])[0])
            self._taken_back.setdefault(event.user_id, []).append((row, event.ts_ms))

    def _unsee(self, event: Event) -> None:
        """What was taken back was never shown either; training leaves it out by itself."""
        if event.event == EventType.RESET:
            self.signals.forget(event.user_id)
        elif event.event == EventType.REMOVE_FROM_HISTORY:
            self.signals.forget(event.user_id, int(self.items.rows([event.item_id])[0]))

    def _count(self, event: Event, row: int) -> None:
        """A choice in the popularity and the signals; the history does not hold it yet."""
        ts_ms = np.array([event.ts_ms], dtype=np.int64)
        self._counts.add(np.array([row], dtype=np.int64), ts_ms)
        self._shares = None
        codes = self._spec.context_codes(ts_ms, [event.context or {}])[0]
        before = self.history(event.user_id).before(event.ts_ms)
        self.signals.choose(event.user_id, row, event.ts_ms, codes, before)

    def forget(self, key: str) -> None:
        """Drop all that is known of the viewer with this digest; what the viewer chose stays in everybody's counts."""
        self._forgotten.add(key)
        user_id = self._ids.pop(key, None)
        if user_id is not None:
            self._later.pop(user_id, None)
            self._taken_back.pop(user_id, None)
            self.signals.forget(user_id)
            for listener in self._listeners:
                listener.forget(user_id)

    def _base(self, user_id: str) -> History:
        viewer = self.number_of(user_id)
        return self._histories.of(viewer) if viewer >= 0 else EMPTY_HISTORY

    def _is_new(self, event_id: str) -> bool:
        if event_id in self._event_ids:
            return False
        self._event_ids[event_id] = None
        if len(self._event_ids) > self._num_event_ids:
            self._event_ids.popitem(last=False)
        return True


def without(history: History, taken_back: Sequence[tuple[int, int]]) -> History:
    """The history as if the viewer never had what was taken back: rows (or EVERYTHING) up to a time each."""
    if not taken_back:
        return history
    stays = np.ones(len(history.rows), dtype=np.bool_)
    for row, ts_ms in taken_back:
        stays &= (history.ts_ms > ts_ms) | ((history.rows != row) & (row != EVERYTHING))
    return History._make(array[stays] for array in history)


def half_life_s(config: LiveState.Config, has_clock: bool) -> float:
    """Half life of popularity; where times are mere positions nothing fades."""
    return config.half_life_s if has_clock else math.inf


def in_time_order(history: History) -> History:
    """Sorted by time; events of one moment keep the order in which they came."""
    if np.all(history.ts_ms[1:] >= history.ts_ms[:-1]):
        return history
    order = np.argsort(history.ts_ms, kind="stable")
    return History(history.rows[order], history.ts_ms[order], history.actions[order], history.shares[order])


def _fitted(shares: NDArray[np.float64], num_rows: int) -> NDArray[np.float64]:
    """The first `num_rows` shares, zero behind them."""
    if len(shares) >= num_rows:
        return shares[:num_rows]
    return np.concatenate([shares, np.zeros(num_rows - len(shares))])
