"""What the page knows of one request before it looks for titles: the history read for rows, what is wanted now.

Shapes: H history, R item rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ranking.habits import Habits
from ranking.signals import DAY, WEEK
from serving.page.parts import PageParts
from serving.page.viewers import LiveViewer
from serving.pipeline import Request
from serving.state import LiveState
from towers.history import EMPTY_HISTORY, Action, History

DAY_MS: Final = 86_400_000
RECENT: Final = 50
"""Newest events of a history that say what a viewer likes."""

RESUMABLE: Final = (3, 9)
"""Buckets of the watched share from which a title is begun, and up to which it is not finished."""

MOST_RESUMED, MOST_AGAIN = 20, 30
GOOD: Final = (Action.LIKED, Action.COMPLETED, Action.CHOSEN, Action.PURCHASED, Action.UNKNOWN)
ENJOYED: Final = (Action.LIKED, Action.COMPLETED)


@dataclass(frozen=True, eq=False)
class Moment:
    """history: of the titles that the page knows. seen: rows watched or judged. resumed: rows to go on with, newest
    first; listed: rows of the list; again: rows worth a second time. trending, like_you: float64 [R], how much each row
    is wanted now and by similar viewers, or None. popularity: float64 [R].
    """

    ts_ms: int
    history: History
    seen: NDArray[np.int64]
    resumed: NDArray[np.int64]
    listed: NDArray[np.int64]
    again: NDArray[np.int64]
    trending: NDArray[np.float64] | None
    like_you: NDArray[np.float64] | None
    popularity: NDArray[np.float64]
    habits: Habits

    @classmethod
    def of(cls, request: Request, live: LiveViewer, habits: Habits, state: LiveState, parts: PageParts) -> Moment:
        """The moment of a request by a viewer with these live events."""
        history = known(request.history, parts.catalogue.num_rows)
        latest = _latest(history)
        begun = (latest.shares >= RESUMABLE[0]) & (latest.shares <= RESUMABLE[1]) & (latest.actions != Action.DISLIKED)
        enjoyed = np.isin(latest.actions, ENJOYED) & (latest.ts_ms < request.ts_ms - DAY_MS)
        is_listed = latest.actions == Action.LISTED
        unlisted = state.items.rows(sorted(live.unlisted))
        return cls(
            ts_ms=request.ts_ms,
            history=history,
            seen=latest.rows[~is_listed],
            resumed=latest.rows[begun][:MOST_RESUMED],
            listed=latest.rows[is_listed & ~np.isin(latest.rows, unlisted)],
            again=latest.rows[enjoyed & ~begun][:MOST_AGAIN],
            trending=_trending(state, parts.catalogue.num_rows),
            like_you=_like_you(history, state, parts),
            popularity=request.popularity,
            habits=habits,
        )

    @property
    def progress(self) -> dict[int, float]:
        """Watched share of the titles to go on with, by row."""
        if len(self.resumed) == 0:
            return {}
        shares = dict(zip(self.history.rows.tolist(), self.history.shares.tolist(), strict=True))
        return {row: round((shares[row] - 0.5) / 10, 2) for row in self.resumed.tolist()}


def weights_of(history: History) -> NDArray[np.float64]:
    """How much each event [H] says of what the viewer likes: newer more, dislikes less than nothing."""
    age = np.arange(len(history.rows))[::-1]
    liking = np.ones(len(history.rows))
    liking[history.actions == Action.LIKED] = 1.5
    liking[history.actions == Action.COMPLETED] = 1.3
    liking[history.actions == Action.ABANDONED] = -0.3
    liking[history.actions == Action.DISLIKED] = -1.0
    weights: NDArray[np.float64] = liking * 0.97**age
    return weights


def known(history: History, num_rows: int) -> History:
    """The events of the first `num_rows` rows."""
    if len(history.rows) == 0 or int(history.rows.max()) < num_rows:
        return history
    inside = history.rows < num_rows
    return History._make(array[inside] for array in history)


def _latest(history: History) -> History:
    """The newest event of each title, newest first."""
    if len(history.rows) == 0:
        return EMPTY_HISTORY
    backwards = History._make(array[::-1] for array in history)
    _, first = np.unique(backwards.rows, return_index=True)
    order = np.sort(first)
    return History._make(array[order] for array in backwards)


def _trending(state: LiveState, num_rows: int) -> NDArray[np.float64] | None:
    """How far each title's share of the day lies above its share of the week."""
    velocity = state.signals.velocity
    day, week = velocity.relative(DAY), velocity.relative(WEEK)
    if not day.any():
        return None
    today, usual = day / day.sum(), week / week.sum()
    heat: NDArray[np.float64] = np.sqrt(today) * np.maximum(today / (usual + 1e-4) - 0.8, 0)
    return heat[:num_rows]


def _like_you(history: History, state: LiveState, parts: PageParts) -> NDArray[np.float64] | None:
    """Shares of the titles among viewers of the same kind."""
    if parts.segments is None or len(history.rows) == 0:
        return None
    taste = state.items.vectors(history.rows[-RECENT:]).mean(axis=0)
    return parts.segments.nearest(taste).astype(np.float64)
