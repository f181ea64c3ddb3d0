"""The contract of every baseline. Shapes: B queries, R item rows, E events, W weighted events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from towers.history import Histories, History
from towers.vocabulary import NUM_RESERVED


class Baseline(Protocol):
    """Scores the whole catalogue for each viewer; passes `tests/training/evaluation/test_baselines.py`."""

    def fit(self, histories: Histories, num_rows: int) -> Self:
        """Learn from the training events of all viewers, in time order within each viewer."""
        ...

    def score(self, histories: Sequence[History], request_ts_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """Finite scores [B, R], larger is better; seen items included, a query alone scored as in any batch."""
        ...


def event_counts(histories: Histories, num_rows: int) -> NDArray[np.int64]:
    """Training events of each row [R]; 0 for PAD and UNKNOWN."""
    counts = np.bincount(histories.rows, minlength=num_rows)
    counts[:NUM_RESERVED] = 0
    return counts


def viewer_matrix(histories: Histories, num_rows: int) -> sparse.csr_array:
    """Binary matrix [U, R] of who chose what."""
    known = histories.rows >= NUM_RESERVED
    viewers = np.repeat(np.arange(histories.num_viewers), np.diff(histories.offsets))[known]
    ones = np.ones(len(viewers), dtype=np.float32)
    matrix = sparse.csr_array((ones, (viewers, histories.rows[known])), shape=(histories.num_viewers, num_rows))
    matrix.data[:] = 1.0
    return matrix


def query_matrix(histories: Sequence[History], num_rows: int, tau: float | None) -> sparse.csr_array:
    """Weights [B, R] of what each query's viewer chose: 1, or exp(-age / tau) with the newest event at age 0.

    A repeated item keeps the weight of its newest event.
    """
    columns, weights, offsets = [], [], [0]
    for history in histories:
        rows = history.rows[history.rows >= NUM_RESERVED][::-1]
        distinct, age = np.unique(rows, return_index=True)
        columns.append(distinct)
        weights.append(np.ones(len(age)) if tau is None else np.exp(-age / tau))
        offsets.append(offsets[-1] + len(distinct))
    data = np.concatenate([*weights, np.empty(0)]).astype(np.float32)
    indices = np.concatenate([*columns, np.empty(0, dtype=np.int64)])
    return sparse.csr_array((data, indices, np.array(offsets)), shape=(len(histories), num_rows))
