"""Small worlds with a known answer. Items walk a ring: the next item is the row after, with little noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from towers.history import Histories, History
from towers.vocabulary import NUM_RESERVED
from training.evaluation.queries import Queries

DAY_MS = 86_400_000


def histories_of(viewers: Sequence[Sequence[int]], ts_ms: Sequence[Sequence[int]] | None = None) -> Histories:
    """CSR form; without times, one day apart."""
    times = ts_ms or [[DAY_MS * (position + 1) for position in range(len(rows))] for rows in viewers]
    rows = np.array([row for viewer in viewers for row in viewer], dtype=np.int64)
    stamps = np.array([stamp for viewer in times for stamp in viewer], dtype=np.int64)
    offsets = np.cumsum([0, *(len(viewer) for viewer in viewers)]).astype(np.int64)
    return Histories(offsets, rows, stamps, np.ones(len(rows), np.int8), np.zeros(len(rows), np.int8))


def history_of(rows: Sequence[int]) -> History:
    """Events one day apart."""
    return History.of(np.array(rows, dtype=np.int64), np.arange(1, len(rows) + 1) * DAY_MS)


def ring(num_viewers: int, num_items: int, length: int, rng: np.random.Generator) -> list[list[int]]:
    """Viewers who start anywhere and take the next item of the ring, one event in ten being noise."""
    starts = rng.integers(num_items, size=num_viewers)
    steps = (starts[:, None] + np.arange(length)) % num_items
    noise = rng.random(steps.shape) < 0.1
    steps[noise] = rng.integers(num_items, size=int(noise.sum()))
    return [[int(row) for row in viewer] for viewer in steps + NUM_RESERVED]


def queries_of(histories: Sequence[History], targets: Sequence[int], is_known: bool = True) -> Queries:
    """One question a history, asked a day after its last event."""
    asked = [int(history.ts_ms[-1]) + DAY_MS if len(history.ts_ms) else DAY_MS for history in histories]
    return Queries(
        histories=histories,
        request_ts_ms=np.array(asked, dtype=np.int64),
        targets=np.array(targets, dtype=np.int64),
        contexts=[{} for _ in histories],
        user_ids=[f"viewer {position}" for position in range(len(histories))],
        is_known_viewer=np.full(len(histories), is_known),
    )
