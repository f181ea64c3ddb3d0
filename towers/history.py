"""What a viewer did, as arrays: one viewer (`History`), many viewers in CSR form (`Histories`), a padded batch.

Shapes: B batch, L history, U viewers, E events, C context columns. Oldest first, padded on the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from towers.vocabulary import PAD


class Action(IntEnum):
    """What the viewer made of an item, as far as the data says."""

    PAD = 0
    UNKNOWN = 1
    CHOSEN = 2
    LIKED = 3
    DISLIKED = 4
    COMPLETED = 5
    ABANDONED = 6
    LISTED = 7
    PURCHASED = 8


NUM_ACTIONS = len(Action)
NUM_SHARE_BUCKETS = 12
"""Buckets of the watched share: 0 unknown, then 1 + floor(10 * share) up to 11."""


class History(NamedTuple):
    """Events of one viewer, oldest first; all arrays have shape [L]."""

    rows: NDArray[np.int64]
    ts_ms: NDArray[np.int64]
    actions: NDArray[np.int8]
    shares: NDArray[np.int8]

    @classmethod
    def of(
        cls,
        rows: NDArray[np.int64],
        ts_ms: NDArray[np.int64],
        actions: NDArray[np.int8] | None = None,
        shares: NDArray[np.int8] | None = None,
    ) -> History:
        """History with unknown actions and shares where none are given."""
        unknown = np.full(len(rows), Action.UNKNOWN, dtype=np.int8)
        nothing = np.zeros(len(rows), dtype=np.int8)
        return cls(
            np.asarray(rows, dtype=np.int64),
            np.asarray(ts_ms, dtype=np.int64),
            unknown if actions is None else np.asarray(actions, dtype=np.int8),
            nothing if shares is None else np.asarray(shares, dtype=np.int8),
        )

    def last(self, length: int) -> History:
        """The newest `length` events."""
        keep = slice(max(len(self.rows) - length, 0), None)
        return History._make(array[keep] for array in self)

    def before(self, ts_ms: int) -> History:
        """The events strictly earlier than `ts_ms`; expects time order."""
        keep = slice(0, int(np.searchsorted(self.ts_ms, ts_ms, side="left")))
        return History._make(array[keep] for array in self)

    def extended(self, later: History) -> History:
        """This history followed by `later`."""
        return History(
            np.concatenate([self.rows, later.rows]),
            np.concatenate([self.ts_ms, later.ts_ms]),
            np.concatenate([self.actions, later.actions]),
            np.concatenate([self.shares, later.shares]),
        )


EMPTY_HISTORY = History.of(np.empty(0, np.int64), np.empty(0, np.int64))


class Histories(NamedTuple):
    """Events of U viewers in CSR form: viewer u owns positions offsets[u] to offsets[u + 1]; others have shape [E]."""

    offsets: NDArray[np.int64]
    rows: NDArray[np.int64]
    ts_ms: NDArray[np.int64]
    actions: NDArray[np.int8]
    shares: NDArray[np.int8]

    @property
    def num_viewers(self) -> int:
        """U."""
        return len(self.offsets) - 1

    def of(self, viewer: int) -> History:
        """The history of one viewer."""
        part = slice(int(self.offsets[viewer]), int(self.offsets[viewer + 1]))
        return History(self.rows[part], self.ts_ms[part], self.actions[part], self.shares[part])


class HistoryBatch(NamedTuple):
    """What the user tower reads: position 0 is a start token (row PAD), then the history, then padding.

    rows, actions, shares: int64 [B, L], 0 where padded. age_s: float32 [B, L], seconds from the event to the
    request. lengths: int64 [B], start token included, so never 0. context: int64 [B, C], code 0 where unknown.
    """

    rows: NDArray[np.int64]
    actions: NDArray[np.int64]
    shares: NDArray[np.int64]
    age_s: NDArray[np.float32]
    lengths: NDArray[np.int64]
    context: NDArray[np.int64]


def pad(histories: Sequence[History], request_ts_ms: NDArray[np.int64], context: NDArray[np.int64]) -> HistoryBatch:
    """Batch of whole histories; the start token has the age of the oldest event (0 for an empty history)."""
    lengths = np.array([len(history.rows) + 1 for history in histories], dtype=np.int64)
    shape = (len(histories), int(lengths.max(initial=1)))
    rows = np.full(shape, PAD, dtype=np.int64)
    actions, shares = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    age_s = np.zeros(shape, dtype=np.float32)
    for b, history in enumerate(histories):
        part = slice(1, lengths[b])
        rows[b, part], actions[b, part], shares[b, part] = history.rows, history.actions, history.shares
        age_s[b, part] = np.maximum(request_ts_ms[b] - history.ts_ms, 0) / 1000
        age_s[b, 0] = age_s[b, 1] if lengths[b] > 1 else 0.0
    return HistoryBatch(rows, actions, shares, age_s, lengths, context)
