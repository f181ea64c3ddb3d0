"""Directed co-occurrence: what viewers chose soon after an item, damped by popularity.

Ludewig and Jannach, Evaluation of session-based recommendation algorithms, 2018 (their "SR"), with both ends damped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ranking.transitions import TransitionTable
from towers.history import Histories, History
from towers.vocabulary import NUM_RESERVED
from training.evaluation.baselines.base import event_counts
from training.evaluation.baselines.strongest import keep_strongest

PAIRS_A_BLOCK = 8_000_000


@dataclass(frozen=True)
class TransitionConfig:
    """How transitions are counted.

    window: events ahead that count, the one d ahead with 1 / d. source_damping, target_damping: powers of an item's
    events that divide the pair's count. num_successors: kept an item. history_window: newest events of a history
    that speak when scoring.
    """

    window: int = 20
    source_damping: float = 0.5
    target_damping: float = 0.3
    num_successors: int = 200
    history_window: int = 20


def fit_transitions(histories: Histories, num_rows: int, config: TransitionConfig) -> TransitionTable:
    """Count, damp and thin the pairs; memory is bounded by blocks of source items."""
    counts = np.maximum(event_counts(histories, num_rows), 1).astype(np.float64)
    blocks = []
    for first, last, positions in _source_blocks(histories, num_rows, config.window):
        pairs = _pairs(histories, positions, first, (last - first, num_rows), config.window)
        pairs.data /= counts[pairs.row + first] ** config.source_damping
        pairs.data /= counts[pairs.col] ** config.target_damping
        blocks.append(keep_strongest(pairs, config.num_successors))
    offsets = np.concatenate([[0], *(np.diff(block.indptr) for block in blocks)]).cumsum()
    return TransitionTable(
        offsets.astype(np.int64),
        np.concatenate([block.indices for block in blocks]).astype(np.int64),
        np.concatenate([block.data for block in blocks]).astype(np.float32),
        config.history_window,
    )


def _source_blocks(histories: Histories, num_rows: int, window: int) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Ranges of source rows, first to last, with the event positions of each; about `PAIRS_A_BLOCK` pairs a range."""
    order = np.argsort(histories.rows, kind="stable")
    ends = np.cumsum(np.bincount(histories.rows, minlength=num_rows))
    first, start = 0, 0
    while first < num_rows:
        last = max(int(np.searchsorted(ends, start + PAIRS_A_BLOCK // window, side="right")), first + 1)
        end = int(ends[last - 1])
        yield first, last, order[start:end]
        first, start = last, end


def _pairs(
    histories: Histories, positions: NDArray[np.int64], first: int, shape: tuple[int, int], window: int
) -> sparse.coo_array:
    """Summed 1 / distance of each pair [source - first, target]; an item does not follow itself."""
    rows = histories.rows
    viewer_ends = histories.offsets[np.searchsorted(histories.offsets, positions, side="right")]
    total = sparse.csr_array(shape, dtype=np.float64)
    for distance in range(1, window + 1):
        at = positions[positions + distance < viewer_ends]
        source, target = rows[at], rows[at + distance]
        counted = (source != target) & (source >= NUM_RESERVED) & (target >= NUM_RESERVED)
        weights = np.full(int(counted.sum()), 1 / distance)
        total = total + sparse.csr_array((weights, (source[counted] - first, target[counted])), shape=shape)
    return sparse.coo_array(total)


class SequentialRules:
    """The transition table that serving carries, as a baseline over the whole catalogue."""

    Config = TransitionConfig

    def __init__(self, config: TransitionConfig | None = None) -> None:
        self.config = config or TransitionConfig()
        self._table = TransitionTable(np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))

    def fit(self, histories: Histories, num_rows: int) -> Self:
        """Fit the table."""
        self._table = fit_transitions(histories, num_rows, self.config)
        return self

    def score(self, histories: Sequence[History], request_ts_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """Scores [B, R]."""
        scores = np.zeros((len(histories), self._table.num_rows), dtype=np.float32)
        for b, history in enumerate(histories):
            scores[b] = self._table.all_scores(history.rows)
        return scores
