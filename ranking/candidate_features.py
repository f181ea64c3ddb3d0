"""What speaks for each candidate: groups of features that can be switched off one by one.

Shapes: K candidates, S sources, L history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ranking.moment import NUM_RECENT, Moment
from ranking.signals import DAY, EVER, FAST, HALF_LIVES_S, HOUR, SLOW, WEEK
from ranking.sparse_scores import SparseScores
from towers.history import NUM_ACTIONS, Action, History

Rows = NDArray[np.int64]
Columns = Mapping[str, NDArray[np.float64]]

SMALLEST_SHARE: Final = 1e-7
SLATE_SCORE: Final = "slate_score"
WATCH_SCORE: Final = "watch_score"
SPEEDS: Final = ("10min", "hour", "6h", "day", "week", "ever")
GOOD: Final = np.isin(range(NUM_ACTIONS), (Action.LIKED, Action.COMPLETED, Action.LISTED, Action.PURCHASED))
BAD: Final = np.isin(range(NUM_ACTIONS), (Action.DISLIKED, Action.ABANDONED))
"""By action code."""


def towers(moment: Moment, rows: Rows) -> Columns:
    """The similarity that retrieval orders by; 0 for an item without a vector."""
    vectors = moment.vectors(rows)
    score = np.zeros(len(rows)) if moment.vector is None else (vectors @ moment.vector).astype(np.float64)
    return {"tower_score": score, "has_vector": np.any(vectors, axis=1).astype(np.float64)}


def popularity(moment: Moment, rows: Rows) -> Columns:
    """Shares of all choices at each half-life, how they change, and how many choices that is."""
    counts = moment.counts(rows)
    shares = log_share(counts / np.maximum(moment.totals, 1e-9)[:, None])
    columns = {f"popularity_{SPEEDS[h]}": shares[h] for h in range(len(HALF_LIVES_S))}
    columns |= {f"count_{SPEEDS[h]}": np.log1p(counts[h]) for h in (FAST, HOUR, DAY)}
    pairs = ((FAST, HOUR), (HOUR, SLOW), (SLOW, DAY), (WEEK, EVER))
    return columns | {f"rise_{SPEEDS[fast]}_{SPEEDS[slow]}": shares[fast] - shares[slow] for fast, slow in pairs}


def segments(moment: Moment, rows: Rows) -> Columns:
    """How much more of the moment's segments than of everybody chooses the item, one column a context column."""
    everybody = moment.counts(rows)[SLOW] / max(float(moment.totals[SLOW]), 1e-9)
    own = moment.signals.segments.shares_of(rows, moment.context)
    lift = np.log(own + 1e-5) - np.log(everybody + 1e-5)
    known = moment.signals.segments.places(moment.context) >= 0
    return {f"segment_{column}": lift[column] * known[column] for column in range(len(lift))}


def rules(moment: Moment, rows: Rows) -> Columns:
    """What followed the history in training."""
    return _spoken_for("rules", moment.trained_rules, rows)


def neighbours(moment: Moment, rows: Rows) -> Columns:
    """What viewers of the history's items also chose in training, where the bundle has tables of it."""
    by_cosine = {} if moment.item_knn is None else _spoken_for("item_knn", moment.neighbours, rows)
    linear = {} if moment.ease is None else _spoken_for("ease", moment.linear, rows)
    return {**by_cosine, **linear}


def bag(moment: Moment, rows: Rows) -> Columns:
    """What all of the history says whatever its order and age, where the bundle has tables of it."""
    if moment.bag is None or moment.bag_vector is None:
        return {}
    return {"bag_score": moment.bag.scores_of(moment.bag_vector, rows).astype(np.float64)}


def live_rules(moment: Moment, rows: Rows) -> Columns:
    """What followed the history of late."""
    found, last, now = (each.of(rows) for each in (moment.live_rules, moment.live_last, moment.session_rules))
    newest = int(moment.history.rows[-1]) if len(moment.history.rows) else 0
    support = moment.signals.transitions.count_after(newest, moment.known_ms)
    return {
        "live_rules_log": np.log(found + 1e-4),
        "live_rules_share": found / max(moment.live_rules.best, 1e-9),
        "live_last_log": np.log(last + 1e-4),
        "live_last_count_log": np.log1p(last * support),
        "session_rules_log": np.log(now + 1e-4),
        "session_rules_share": now / max(moment.session_rules.best, 1e-9),
    }


def similarity(moment: Moment, rows: Rows) -> Columns:
    """Target attention: how like the newest items the candidate is, by age, by attention, by what became of them."""
    recent = moment.history.last(NUM_RECENT)
    if len(recent.rows) == 0:
        nothing = np.zeros(len(rows))
        names = ("last", "best", "mean", "attended", "liked", "disliked", "session")
        return {f"similarity_{name}": nothing for name in names}
    alike = moment.vectors(rows) @ moment.vectors(moment.recent).T
    weight = 1.0 / np.arange(len(recent.rows), 0, -1)
    attention = np.exp(8.0 * alike) * weight
    return {
        "similarity_last": alike[:, -1],
        "similarity_best": alike.max(axis=1),
        "similarity_mean": alike @ (weight / weight.sum()),
        "similarity_attended": (attention * alike).sum(axis=1) / attention.sum(axis=1),
        "similarity_liked": _mean_where(alike, GOOD[recent.actions]),
        "similarity_disliked": _mean_where(alike, BAD[recent.actions]),
        "similarity_session": _mean_where(alike, recent.ts_ms >= _session_start(moment)),
    }


def age(moment: Moment, rows: Rows) -> Columns:
    """Time since the item was first chosen."""
    first = moment.signals.first_ms(rows)
    age_h = np.where(first > 0, np.maximum(moment.known_ms - first, 0) / 3_600_000, 0.0)
    return {"age_h_log": np.log1p(age_h), "age_below_day": np.clip(1 - age_h / 24, 0, 1), "is_unseen": first == 0}


def repeats(moment: Moment, rows: Rows) -> Columns:
    """Whether, how often and how long ago the viewer had the item."""
    history = moment.history
    newest_ms = np.zeros(len(rows))
    times = np.zeros(len(rows))
    had = np.flatnonzero(_are_among(rows, history.rows))
    for place in had.tolist():
        when = history.ts_ms[history.rows == rows[place]]
        times[place], newest_ms[place] = len(when), when[-1]
    since_h = np.where(times > 0, np.maximum(moment.ts_ms - newest_ms, 0) / 3_600_000, 0.0)
    return {"times_had_log": np.log1p(times), "since_had_log": np.log1p(since_h)}


def exposure(moment: Moment, rows: Rows) -> Columns:
    """Choices an impression of the item, and how often this viewer passed it over."""
    signals = moment.signals.exposure
    passed = signals.passed_of(moment.user_id, rows)
    return {"rate_log": np.log(signals.rates_of(rows, moment.known_ms) + 1e-3), "passed_log": np.log1p(passed)}


def leaning(moment: Moment, rows: Rows) -> Columns:
    """How far the item's popularity is from that of what the viewer had of late."""
    if len(moment.recent) == 0:
        return {"leaning": np.zeros(len(rows)), "leaning_product": np.zeros(len(rows))}
    own = float(log_shares_ever(moment, moment.recent).mean())
    theirs = log_shares_ever(moment, rows)
    return {"leaning": np.abs(theirs - own), "leaning_product": (theirs + 8) * (own + 8) / 8}


def slates(moment: Moment, rows: Rows) -> Columns:
    """Log odds that the item is taken if seen, by what the log's pages teach; 0 where there is no such model."""
    if moment.slates is None:
        return {SLATE_SCORE: np.zeros(len(rows))}
    return {SLATE_SCORE: moment.slates.scores(moment.history, moment.context, rows).astype(np.float64)}


def watching(moment: Moment, rows: Rows) -> Columns:
    """Log odds of the share that is watched of the item once it is taken; no column where there is no such model."""
    if moment.watching is None:
        return {}
    return {WATCH_SCORE: moment.watching.scores(moment.history, moment.context, rows).astype(np.float64)}


def lengths(moment: Moment, rows: Rows) -> Columns:
    """How long a title is, whether it has episodes, and how that goes with the viewer's habits; no column where there
    is nothing known of those.
    """
    if moment.behaviour is None or moment.habits is None:
        return {}
    longer, is_series = moment.behaviour.longer(rows), moment.behaviour.is_series(rows)
    return {
        "longer": longer,
        "is_series": is_series,
        "longer_for_short_form": longer * moment.habits.lean_of("short_form"),
        "longer_for_completion": longer * moment.habits.lean_of("completion"),
        "series_for_next_episode": is_series * moment.habits.lean_of("next_episode"),
        "series_for_binge": is_series * moment.habits.lean_of("binge"),
    }


GROUPS: Final[Mapping[str, Callable[[Moment, Rows], Columns]]] = {
    "towers": towers,
    "popularity": popularity,
    "segments": segments,
    "rules": rules,
    "neighbours": neighbours,
    "bag": bag,
    "live_rules": live_rules,
    "similarity": similarity,
    "age": age,
    "repeats": repeats,
    "exposure": exposure,
    "leaning": leaning,
    "slates": slates,
    "watching": watching,
    "lengths": lengths,
}
"""By name; the first begins with the similarity that retrieval orders by."""


def log_share(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of shares of all events, floored at one in ten million."""
    return np.log(np.maximum(shares, SMALLEST_SHARE))


def log_shares_ever(moment: Moment, rows: Rows) -> NDArray[np.float64]:
    """Logarithm of each row's share of all choices there ever were."""
    return log_share(moment.counts(rows)[EVER] / max(float(moment.totals[EVER]), 1e-9))


def _are_among(rows: Rows, others: Rows) -> NDArray[np.bool_]:
    """Whether each row is one of the others, through a table of them: `np.isin` sorts."""
    table = np.zeros(max(int(rows.max(initial=0)), int(others.max(initial=0))) + 1, dtype=np.bool_)
    table[others] = True
    return table[rows]


def _spoken_for(name: str, scores: SparseScores, rows: Rows) -> Columns:
    """A score, damped and as a share of the strongest."""
    found = scores.of(rows)
    return {f"{name}_log": np.log1p(100 * found), f"{name}_share": found / max(scores.best, 1e-9)}


def _mean_where(alike: NDArray[np.float32], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean [K] over the chosen history events; 0 where there are none."""
    return np.asarray(alike[:, chosen].mean(axis=1) if chosen.any() else np.zeros(len(alike)), dtype=np.float64)


def _session_start(moment: Moment) -> int:
    session: History = moment.session
    return int(session.ts_ms[0]) if len(session.ts_ms) else moment.ts_ms + 1
