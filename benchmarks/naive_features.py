"""Candidates and features as one writes them first: each request from the counts themselves, in plain numpy.

It says a second time, without memory from one request to the next and without sparse tricks, what `serving.sources`
and `ranking.*_features` say, so that the naive stack answers the same question; `request.py` compares the answers.
Shapes: N items with the two reserved rows, K candidates, L history, H half-lives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ranking.signals import DAY, EVER, FAST, HOUR, SLOW, WEEK, LiveSignals
from ranking.transitions import TransitionTable

Rows = NDArray[np.int64]
Values = NDArray[np.float64]
SPEEDS = ("10min", "hour", "6h", "day", "week", "ever")


@dataclass
class Counts:
    """What was counted until now, as arrays of all items; a request fades them to its moment."""

    signals: LiveSignals
    table: TransitionTable
    popularity: Values
    vectors: NDArray[np.float32]
    live: dict[int, tuple[Rows, Values]] = field(default_factory=dict)
    session: dict[int, tuple[Rows, Values]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Successors of each item as arrays."""
        self.num_rows = len(self.popularity)
        for row in range(self.num_rows):
            self.live[row] = self.signals.transitions.after(row)
            self.session[row] = self.signals.session_transitions.after(row)


class Ask(NamedTuple):
    """history: rows [L], newest last, at times [L]."""

    rows: Rows
    ts_ms: Rows
    now_ms: int
    user: NDArray[np.float32]


class Proposed(NamedTuple):
    """rows [K] in the order of the sources, and the place that each source gave them [K, S]."""

    rows: Rows
    ranks: Rows


def trained_rules(counts: Counts, history: Rows) -> Values:
    """What followed the newest items in training, of all N."""
    scores = np.zeros(counts.num_rows)
    for age, row in enumerate(history[-counts.table.window :][::-1]):
        part = slice(counts.table.offsets[row], counts.table.offsets[row + 1])
        scores[counts.table.items[part]] += counts.table.weights[part] / (1 + age)
    return scores


def live_rules(successors: dict[int, tuple[Rows, Values]], history: Rows, num_rows: int, window: int) -> Values:
    """What followed the newest items of late, of all N."""
    scores = np.zeros(num_rows)
    for age, row in enumerate(history[-window:][::-1].tolist()):
        rows, shares = successors[row]
        scores[rows] += shares / (1 + age)
    return scores


def best(scores: Values, seen: Rows, number: int, *, positive: bool = True) -> Rows:
    """The `number` best unseen items."""
    scores = scores.copy()
    scores[:2], scores[seen] = -np.inf, -np.inf
    top = torch.from_numpy(scores).topk(min(number, len(scores)))
    return top.indices[top.values > (0 if positive else -np.inf)].numpy()


def propose(counts: Counts, ask: Ask, wanted: dict[str, int]) -> Proposed:
    """The union of the sources' lists."""
    every: dict[str, Callable[[], Values]] = {
        "towers": lambda: (counts.vectors @ ask.user).astype(np.float64),
        "rules": lambda: trained_rules(counts, ask.rows),
        "trending": lambda: counts.signals.velocity.counts(HOUR, ask.now_ms),
        "popularity": lambda: counts.popularity / counts.popularity.sum(),
    }
    lists = [
        best(every[name](), ask.rows, number, positive=name in ("rules", "trending")) for name, number in wanted.items()
    ]
    place_of: dict[int, list[int]] = {}
    limits = list(wanted.values())
    for source, rows in enumerate(lists):
        for place, row in enumerate(rows.tolist()):
            place_of.setdefault(row, limits.copy())[source] = place
    return Proposed(np.array(list(place_of)), np.array(list(place_of.values())))


def candidate_features(counts: Counts, ask: Ask, proposed: Proposed, wanted: dict[str, int]) -> dict[str, Values]:
    """Every column [K] by name."""
    rows, signals, now_ms = proposed.rows, counts.signals, ask.now_ms
    faded = signals.velocity.counts_of(rows, now_ms)
    totals = signals.velocity.totals(now_ms)
    shares = np.log(np.maximum(faded / np.maximum(totals, 1e-9)[:, None], 1e-7))
    vectors = counts.vectors[rows]
    columns: dict[str, Values] = {
        "tower_score": (vectors @ ask.user).astype(np.float64),
        "has_vector": (np.abs(vectors).sum(axis=1) > 0).astype(float),
    }
    columns |= {f"popularity_{name}": shares[h] for h, name in enumerate(SPEEDS)}
    columns |= {f"count_{SPEEDS[h]}": np.log1p(faded[h]) for h in (FAST, HOUR, DAY)}
    for fast, slow in ((FAST, HOUR), (HOUR, SLOW), (SLOW, DAY), (WEEK, EVER)):
        columns[f"rise_{SPEEDS[fast]}_{SPEEDS[slow]}"] = shares[fast] - shares[slow]
    columns |= {"segment_0": np.zeros(len(rows))}  # the requests name no device
    columns |= _rules(counts, ask, rows) | _similarity(counts, ask, vectors) | _own(counts, ask, rows)
    own = np.log(np.maximum(_ever(counts, ask, ask.rows[-10:]), 1e-7)).mean()
    theirs = np.log(np.maximum(_ever(counts, ask, rows), 1e-7))
    columns |= {"leaning": np.abs(theirs - own), "leaning_product": (theirs + 8) * (own + 8) / 8}
    columns |= {"slate_score": np.zeros(len(rows))}
    columns |= {f"rank_{name}": np.log1p(proposed.ranks[:, s]) for s, name in enumerate(wanted)}
    return columns


def request_features(counts: Counts, ask: Ask) -> dict[str, float]:
    """Every value of the request by name, but for the codes of the context; what the caller tells has no outcomes."""
    recent, history = ask.rows[-50:], ask.rows
    pauses = np.diff(ask.ts_ms)
    long_pauses = np.flatnonzero(pauses > 1_800_000)
    in_session = len(history) - (long_pauses[-1] + 1 if len(long_pauses) else 0)
    length_s = (ask.now_ms - ask.ts_ms[-in_session]) / 1000
    return {
        "history_log": np.log1p(len(history)),
        "has_history": 1.0,
        "good_share": 0.0,
        "bad_share": 0.0,
        "own_popularity": np.log(np.maximum(_ever(counts, ask, history[-10:]), 1e-7)).mean(),
        "watched_share": 0.0,
        "variety": len(set(recent.tolist())) / len(recent),
        "sessions_log": np.log1p((np.diff(ask.ts_ms[-50:]) > 1_800_000).sum()),
        "idle_log": np.log1p((ask.now_ms - ask.ts_ms[-1]) / 1000),
        "in_session_log": np.log1p(in_session),
        "session_log": np.log1p(length_s),
        "last_support_log": np.log1p(counts.signals.transitions.count_after(int(history[-1]), ask.now_ms)),
        "pace_log": np.log1p(length_s / in_session),
    }


def _rules(counts: Counts, ask: Ask, rows: Rows) -> dict[str, Values]:
    trained = trained_rules(counts, ask.rows)
    live = live_rules(counts.live, ask.rows, counts.num_rows, 10)
    session = live_rules(counts.session, ask.rows, counts.num_rows, 3)
    last = live_rules(counts.live, ask.rows[-1:], counts.num_rows, 1)
    support = counts.signals.transitions.count_after(int(ask.rows[-1]), ask.now_ms)
    return {
        "rules_log": np.log1p(100 * trained[rows]),
        "rules_share": trained[rows] / max(trained.max(), 1e-9),
        "live_rules_log": np.log(live[rows] + 1e-4),
        "live_rules_share": live[rows] / max(live.max(), 1e-9),
        "live_last_log": np.log(last[rows] + 1e-4),
        "live_last_count_log": np.log1p(last[rows] * support),
        "session_rules_log": np.log(session[rows] + 1e-4),
        "session_rules_share": session[rows] / max(session.max(), 1e-9),
    }


def _similarity(counts: Counts, ask: Ask, vectors: NDArray[np.float32]) -> dict[str, Values]:
    alike = vectors @ counts.vectors[ask.rows[-10:]].T
    weight = 1 / np.arange(alike.shape[1], 0, -1)
    attention = np.exp(8 * alike) * weight
    is_session = ask.ts_ms[-10:] >= ask.now_ms - 1_800_000  # given events are a second apart
    return {
        "similarity_last": alike[:, -1],
        "similarity_best": alike.max(axis=1),
        "similarity_mean": (alike * weight).sum(axis=1) / weight.sum(),
        "similarity_attended": (attention * alike).sum(axis=1) / attention.sum(axis=1),
        "similarity_liked": np.zeros(len(alike)),
        "similarity_disliked": np.zeros(len(alike)),
        "similarity_session": alike[:, is_session].mean(axis=1),
    }


def _own(counts: Counts, ask: Ask, rows: Rows) -> dict[str, Values]:
    """Age, repeats and exposure."""
    first = counts.signals.newest()[rows]
    age_h = np.where(first > 0, (ask.now_ms - first) / 3_600_000, 0)
    times, last_ms = dict[int, int](), dict[int, int]()
    for row, ts_ms in zip(ask.rows.tolist(), ask.ts_ms.tolist(), strict=True):
        times[row], last_ms[row] = times.get(row, 0) + 1, ts_ms
    had = np.array([times.get(row, 0) for row in rows.tolist()])
    since = np.array([ask.now_ms - last_ms.get(row, ask.now_ms) for row in rows.tolist()]) / 3_600_000
    return {
        "age_h_log": np.log1p(age_h),
        "age_below_day": np.clip(1 - age_h / 24, 0, 1),
        "is_unseen": (first == 0).astype(float),
        "times_had_log": np.log1p(had),
        "since_had_log": np.log1p(since),
        "rate_log": np.log(counts.signals.exposure.rates_of(rows, ask.now_ms) + 1e-3),
        "passed_log": np.log1p(counts.signals.exposure.passed_of(None, rows)),
    }


def _ever(counts: Counts, ask: Ask, rows: Rows) -> Values:
    velocity = counts.signals.velocity
    shares: Values = velocity.counts_of(rows, ask.now_ms)[EVER] / max(velocity.totals(ask.now_ms)[EVER], 1e-9)
    return shares
