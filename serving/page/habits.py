"""How the viewers of a bundle watch: what training knew of each, what came since, and what everybody does.

Shapes: W watched titles, R item rows, V viewers, G genres.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ranking.habits import HABITS, Counts, Habits, Population, TitleForms, counts_of
from ranking.watching import Watching, WatchLog, nothing
from serving.page.parts import PageParts
from serving.page.viewers import LiveViewer
from serving.page.watching import watching_of
from serving.state import LiveState
from towers.history import Action

MOST_VIEWERS: Final = 2000
"""As many tell what everybody does."""

MOST_KEPT: Final = 10_000


class HabitReader:
    """Knows the habits of viewers; those of everybody are counted when first asked for."""

    def __init__(self, parts: PageParts, state: LiveState) -> None:
        self._parts = parts
        self._state = state
        self._kept: dict[str, tuple[LiveViewer, tuple[int, ...], Habits]] = {}

    def watching(self, user_id: str | None, live: LiveViewer, hidden: NDArray[np.int64]) -> Watching:
        """What a viewer watched, as far as it still counts; titles of the `hidden` rows never happened."""
        if user_id is None:
            return nothing()
        before = self._before(user_id, live)
        since = self._parts.bundle.manifest.trained_until_ms if len(before.rows) else -1
        events = [event for event in live.events if event.ts_ms > since]
        whole = before.followed_by(watching_of(events, self._rows, self._log.device_names))
        return whole.take(~np.isin(whole.rows, hidden)) if len(hidden) else whole

    def habits(self, user_id: str | None, live: LiveViewer, hidden: NDArray[np.int64]) -> Habits:
        """How a viewer watches; as everybody does where nothing is known."""
        if user_id is None:
            return self.everybody
        key, kept = (self._state.number_of(user_id), *hidden.tolist()), self._kept.get(user_id)
        if kept is not None and kept[0] is live and kept[1] == key:
            return kept[2]
        found = self._population.habits_of(self._counts(self.watching(user_id, live, hidden)))
        if len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[user_id] = live, key, found
        return found

    @cached_property
    def everybody(self) -> Habits:
        """What is supposed of a stranger."""
        return self._population.habits_of(self._counts(nothing()))

    @property
    def device_names(self) -> tuple[str, ...]:
        """Names of the devices in the order of `Habits.devices`."""
        return self._log.device_names

    def _before(self, user_id: str, live: LiveViewer) -> Watching:
        """What training knew, without what was taken back since."""
        watched = self._log.of(self._state.number_of(user_id))
        stays = watched.ts_ms > live.reset_ms
        for item, ts_ms in live.removed.items():
            row = int(self._rows([item])[0])
            stays &= (watched.rows != row) | (watched.ts_ms > ts_ms)
        return watched if stays.all() else watched.take(stays)

    def _rows(self, items: Sequence[str]) -> NDArray[np.int64]:
        rows: NDArray[np.int64] = self._state.items.rows(items)
        return rows

    def _counts(self, watching: Watching) -> Counts:
        counts = counts_of(watching, self._facts, len(self._log.device_names))
        if self._parts.bundle.spec.has_clock:
            return counts
        num, total = counts.num.copy(), counts.sum.copy()
        for habit in ("continues", "binge"):  # without a clock there are no sittings, and no hours
            num[HABITS.index(habit)] = total[HABITS.index(habit)] = 0
        return counts._replace(num=num, sum=total, hours=np.zeros(24))

    @cached_property
    def _facts(self) -> TitleForms:
        labels = self._parts.bundle.catalogue.genre_labels
        place = {name: n for n, name in enumerate(sorted({name for each in labels for name in each}))}
        genres = np.zeros((len(labels), len(place)), dtype=np.bool_)
        for row, each in enumerate(labels):
            genres[row, [place[name] for name in each]] = True
        return TitleForms(self._parts.lengths, self._parts.is_series > 0, genres)

    @cached_property
    def _log(self) -> WatchLog:
        return self._parts.watched or _plain(self._parts)

    @cached_property
    def _population(self) -> Population:
        count = self._log.num_viewers
        some = np.unique(np.linspace(0, count - 1, min(count, MOST_VIEWERS)).astype(np.int64))
        return Population.of([self._counts(self._log.of(viewer)) for viewer in some.tolist() or [-1]])


def _plain(parts: PageParts) -> WatchLog:
    """What histories alone tell: titles, times and watched shares."""
    histories = parts.bundle.histories
    is_watched = histories.actions != Action.LISTED
    offsets = np.concatenate([[0], np.cumsum(is_watched)])[histories.offsets]
    hours = (histories.ts_ms[is_watched] // 3_600_000 % 24).astype(np.int8)
    watching = Watching.plain(histories.rows[is_watched], histories.ts_ms[is_watched], histories.shares[is_watched])
    return WatchLog(offsets.astype(np.int64), watching._replace(hours=hours))
