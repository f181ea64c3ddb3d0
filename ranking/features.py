"""What the ranker sees of each candidate: one path for training and serving, numpy alone.

Shapes: K candidates, F features, R vocabulary rows, D embedding, L history, C context columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.topk import Candidates
from ranking.transitions import TransitionTable
from towers.history import History

NUM_RECENT = 5
"""Newest history items whose vectors stand for what the viewer is in the mood for."""

NAMES = (
    "retrieval_score",
    "retrieval_log_rank",
    "popularity_log",
    "recent_popularity_log",
    "transition_log",
    "transition_share",
    "similarity_to_last",
    "similarity_to_recent",
    "item_age_log",
    "history_log_length",
    "idle_log",
)


class Moment(NamedTuple):
    """One request as the ranker sees it; context: int64 [C] codes; popularity: float64 [R] faded shares of now."""

    history: History
    ts_ms: int
    context: NDArray[np.int64]
    popularity: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CandidateFeatures:
    """Features [K, F] of one request's candidates.

    item_vectors: float32 [R, D] unit vectors. totals: float64 [R] share of all training events. first_ts_ms: int64 [R]
    time of the first training event, 0 where there is none.
    """

    item_vectors: NDArray[np.float32]
    transitions: TransitionTable
    totals: NDArray[np.float64]
    first_ts_ms: NDArray[np.int64]

    @property
    def names(self) -> tuple[str, ...]:
        """F feature names, in order."""
        return NAMES

    @property
    def num_rows(self) -> int:
        """R."""
        return len(self.item_vectors)

    def __call__(self, moment: Moment, candidates: Candidates) -> NDArray[np.float32]:
        """Features [K, F]; always finite."""
        rows, scores = candidates.rows, candidates.scores.astype(np.float32)
        columns = [
            scores,
            np.log1p(np.arange(len(rows))),
            log_share(self.totals[rows]),
            log_share(moment.popularity[rows]),
            *self._transition(moment.history, rows),
            *self._similarity(moment.history, rows),
            np.log1p(np.maximum(moment.ts_ms - self.first_ts_ms[rows], 0) / 86_400_000),
            np.full(len(rows), np.log1p(len(moment.history.rows))),
            np.full(len(rows), idle_log(moment)),
        ]
        return np.stack(columns, axis=1).astype(np.float32)

    def _transition(self, history: History, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], ...]:
        everything = self.transitions.all_scores(history.rows)
        found = everything[rows]
        return np.log1p(100 * found), found / max(float(everything.max(initial=0.0)), 1e-9)

    def _similarity(self, history: History, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], ...]:
        if len(history.rows) == 0:
            nothing = np.zeros(len(rows), dtype=np.float32)
            return nothing, nothing
        recent = self.item_vectors[history.rows[-NUM_RECENT:]]
        similarity = self.item_vectors[rows] @ recent.T
        return similarity[:, -1], similarity.max(axis=1)

    def save(self, folder: Path) -> None:
        """Write `transitions.npz` and `item_statistics.npz`; the vectors are the bundle's own `item_vectors.npy`."""
        self.transitions.save(folder / "transitions.npz")
        with (folder / "item_statistics.npz").open("wb") as file:
            np.savez(file, totals=self.totals, first_ts_ms=self.first_ts_ms)

    @classmethod
    def load(cls, folder: Path) -> CandidateFeatures:
        """Read what `save` wrote beside the bundle's `item_vectors.npy`."""
        vectors = np.load(folder / "item_vectors.npy", mmap_mode="r", allow_pickle=False)
        with np.load(folder / "item_statistics.npz", allow_pickle=False) as parts:
            return cls(vectors, TransitionTable.load(folder / "transitions.npz"), parts["totals"], parts["first_ts_ms"])


def log_share(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of shares of all events, floored at one in a hundred million."""
    return np.log(np.maximum(shares, 1e-8))


def idle_log(moment: Moment) -> float:
    """log(1 + seconds since the viewer's last event); 0 without a history."""
    if len(moment.history.rows) == 0:
        return 0.0
    return float(np.log1p(max(moment.ts_ms - int(moment.history.ts_ms[-1]), 0) / 1000))
