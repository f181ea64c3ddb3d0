"""Moments for tests of what the ranker sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranking.moment import Moment
from ranking.signals import LiveSignals
from ranking.transitions import TransitionTable
from towers.history import EMPTY_HISTORY, History

NUM_ROWS, DIM = 9, 4
SIZES = (25, 8, 3)
START_MS = 1_700_000_000_000


def vectors() -> NDArray[np.float32]:
    """Unit vectors of rows 2 to 8; row 8 has none."""
    drawn = np.random.default_rng(0).normal(size=(NUM_ROWS, DIM)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    drawn[[0, 1, 8]] = 0
    return drawn


def moment(history: History = EMPTY_HISTORY, at_ms: int = START_MS, signals: LiveSignals | None = None) -> Moment:
    """After item 2 came 3 and 4, after item 3 came 5, in training; viewers of 3 also chose 6, those of 2 also 7."""
    offsets = np.array([0, 0, 0, 2, 3, 3, 3, 3, 3, 3])
    table = TransitionTable(offsets, np.array([3, 4, 5]), np.array([0.5, 0.25, 1.0], dtype=np.float32))
    also = TransitionTable(np.array([0, 0, 0, 1, 2, 2, 2, 2, 2, 2]), np.array([7, 6]), np.ones(2, dtype=np.float32))
    known = vectors()
    return Moment(
        user_id="ann",
        history=history,
        ts_ms=at_ms,
        context=np.array([1, 1, 2]),
        vector=known[2],
        num_rows=NUM_ROWS,
        signals=signals or LiveSignals(LiveSignals.Config(), NUM_ROWS, SIZES, has_clock=True),
        transitions=table,
        vectors_of=lambda rows: known[rows],
        item_knn=also,
        ease=also,
    )
