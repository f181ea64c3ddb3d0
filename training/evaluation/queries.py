"""The questions of an evaluation: who asks when, with which history, and what the viewer then chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from towers.history import History
from towers.vocabulary import NUM_RESERVED

COLD_BELOW = 5
"""A viewer with fewer events in the history is cold."""

HEAD_SHARE = 0.5
"""The most popular items that make this share of the training events are the head."""


@dataclass(frozen=True, eq=False)
class Queries:
    """Q questions with one target each.

    request_ts_ms, targets (item rows; UNKNOWN for an item that training never saw, which counts as a miss): int64 [Q].
    is_known_viewer: bool [Q], whether the viewer has training events. `exclude` lists the rows that must not be
    answered; by default those of the history. positions: int64 [Q] of the targets in the event table, where known.
    """

    histories: Sequence[History]
    request_ts_ms: NDArray[np.int64]
    targets: NDArray[np.int64]
    contexts: Sequence[Mapping[str, str]]
    user_ids: Sequence[str]
    is_known_viewer: NDArray[np.bool_]
    exclude: Sequence[NDArray[np.int64]] | None = None
    positions: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        fields = {name: value for name, value in vars(self).items() if value is not None}
        lengths = {name: len(value) for name, value in fields.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"fields of different lengths: {lengths}; give one entry a query in each")

    def __len__(self) -> int:
        return len(self.targets)

    def excluded(self, part: slice, num_rows: int) -> NDArray[np.bool_]:
        """Mask [B, R] of the rows that must not be answered: PAD, UNKNOWN and each query's own."""
        chosen = range(*part.indices(len(self)))
        mask = np.zeros((len(chosen), num_rows), dtype=np.bool_)
        mask[:, :NUM_RESERVED] = True
        for b, query in enumerate(chosen):
            mask[b, self.histories[query].rows if self.exclude is None else self.exclude[query]] = True
        return mask

    def sample(self, size: int, rng: np.random.Generator) -> Queries:
        """A random part of the queries in their order; all of them where there are no more than `size`."""
        if size >= len(self):
            return self
        return self.take(np.sort(rng.choice(len(self), size, replace=False)))

    def take(self, keep: NDArray[np.int64]) -> Queries:
        """The queries at the given places."""
        return Queries(
            [self.histories[q] for q in keep],
            self.request_ts_ms[keep],
            self.targets[keep],
            [self.contexts[q] for q in keep],
            [self.user_ids[q] for q in keep],
            self.is_known_viewer[keep],
            None if self.exclude is None else [self.exclude[q] for q in keep],
            None if self.positions is None else self.positions[keep],
        )


class Slice(NamedTuple):
    """A named part of the queries. mask: bool [Q]."""

    name: str
    mask: NDArray[np.bool_]


def head_items(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask [R] of the most popular rows that together make half of the training events `counts` [R]."""
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    is_head = np.zeros(len(counts), dtype=np.bool_)
    is_head[order] = (before < HEAD_SHARE * counts.sum()) & (counts[order] > 0)
    return is_head


def slices(queries: Queries, counts: NDArray[np.int64]) -> list[Slice]:
    """Cold and warm viewers, known and new viewers, head and tail targets."""
    is_cold = np.array([len(history.rows) < COLD_BELOW for history in queries.histories], dtype=np.bool_)
    is_head = head_items(counts)[queries.targets]
    return [
        Slice("cold", is_cold),
        Slice("warm", ~is_cold),
        Slice("known", queries.is_known_viewer),
        Slice("new", ~queries.is_known_viewer),
        Slice("head", is_head),
        Slice("tail", ~is_head),
    ]
