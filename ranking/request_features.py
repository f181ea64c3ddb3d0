"""What is the same for all candidates of a request: the viewer's habits, the session, the moment.

Shapes: L history, C context columns, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ranking.behaviour import HOUR_MS
from ranking.candidate_features import BAD, GOOD, log_shares_ever
from ranking.habits import HABITS
from ranking.moment import SESSION_GAP_MS, Moment

MAX_VALUES = 64
"""A context column with more values than this is no feature."""

PARTS_OF_DAY: Final = ("night", "morning", "afternoon", "evening")
NOT_TOLD: Final = frozenset({"together"})
"""Habits of which histories say nothing."""


def habits(moment: Moment) -> Mapping[str, float]:
    """Length of the history, what became of it, how popular its items are, how steady the viewer is."""
    history, recent = moment.history, moment.history.last(50)
    num = max(len(recent.rows), 1)
    return {
        "history_log": float(np.log1p(len(history.rows))),
        "has_history": float(len(history.rows) > 0),
        "good_share": float(GOOD[recent.actions].sum() / num),
        "bad_share": float(BAD[recent.actions].sum() / num),
        "own_popularity": _own_popularity(moment),
        "watched_share": float(recent.shares[recent.shares > 0].mean()) / 10 if (recent.shares > 0).any() else 0.0,
        "variety": float(len(np.unique(recent.rows)) / num),
        "sessions_log": float(np.log1p((np.diff(recent.ts_ms) > SESSION_GAP_MS).sum())),
    }


def session(moment: Moment) -> Mapping[str, float]:
    """How far into the session, how fast, and how long since anything."""
    now = moment.session
    idle_s = _seconds(moment, moment.history.ts_ms[-1:]) if len(moment.history.rows) else 0.0
    length_s = _seconds(moment, now.ts_ms[:1]) if len(now.rows) else 0.0
    last = int(moment.history.rows[-1]) if len(moment.history.rows) else 0
    support = moment.signals.transitions.count_after(last, moment.known_ms)
    return {
        "idle_log": float(np.log1p(idle_s)),
        "in_session_log": float(np.log1p(len(now.rows))),
        "session_log": float(np.log1p(length_s)),
        "last_support_log": float(np.log1p(support)),
        "pace_log": float(np.log1p(length_s / max(len(now.rows), 1))),
    }


def behaviour(moment: Moment) -> Mapping[str, float]:
    """How far each habit lies from everybody's, when the viewer comes, and how usual this hour is; nothing where the
    log does not tell how viewers watch.
    """
    known = moment.habits
    if known is None:
        return {}
    parts = known.hours.reshape(len(PARTS_OF_DAY), -1).sum(axis=1)
    hour = moment.ts_ms // HOUR_MS % 24
    usual = float(known.hours[[(hour - 1) % 24, hour, (hour + 1) % 24]].sum()) * 8
    return {
        **{f"lean_{habit}": known.lean_of(habit) for habit in HABITS if habit not in NOT_TOLD},
        **{f"comes_{part}": float(share) for part, share in zip(PARTS_OF_DAY, parts, strict=True)},
        "usual_hour_log": float(np.log(usual + 0.05)),
    }


GROUPS: Final[Mapping[str, Callable[[Moment], Mapping[str, float]]]] = {
    "habits": habits,
    "session": session,
    "behaviour": behaviour,
}
CONTEXT: Final = "context"
"""Group of the one-hot codes of hour, weekday and the data's own context columns."""


def context_names(sizes: Sequence[int], columns: Sequence[str]) -> tuple[str, ...]:
    """Names of the one-hot features."""
    named = zip(("hour", "weekday", *columns), sizes, strict=True)
    return tuple(f"{name}={code}" for name, size in named if size <= MAX_VALUES for code in range(size))


def one_hot(codes: NDArray[np.int64], sizes: Sequence[int]) -> NDArray[np.float32]:
    """1 at the code of each column that is a feature."""
    used = [(int(code), size) for code, size in zip(codes.tolist(), sizes, strict=True) if size <= MAX_VALUES]
    hot = np.zeros(sum(size for _, size in used), dtype=np.float32)
    start = 0
    for code, size in used:
        hot[start + code] = 1
        start += size
    return hot


def _own_popularity(moment: Moment) -> float:
    return float(log_shares_ever(moment, moment.recent).mean()) if len(moment.recent) else 0.0


def _seconds(moment: Moment, since_ms: NDArray[np.int64]) -> float:
    return max(moment.ts_ms - int(since_ms[0]), 0) / 1000
