"""The same list for everybody: most events of all time, of late, or as each viewer's latest event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ranking.popularity import DecayedCounts
from towers.history import Histories, History
from towers.vocabulary import NUM_RESERVED
from training.evaluation.baselines.base import event_counts

DAY_S = 86_400.0


class Popularity:
    """Training events of each item."""

    def __init__(self) -> None:
        self._scores = np.zeros(0, dtype=np.float32)

    def fit(self, histories: Histories, num_rows: int) -> Self:
        """Count the events."""
        self._scores = event_counts(histories, num_rows).astype(np.float32)
        return self

    def score(self, histories: Sequence[History], request_ts_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """Counts [B, R], the same for every query."""
        return np.tile(self._scores, (len(histories), 1))


class RecentPopularity:
    """Training events of each item, each fading with its age at the end of training.

    Times that are mere positions say nothing here; `LatestPopularity` needs no clock.
    """

    @dataclass(frozen=True)
    class Config:
        """half_life_s: seconds after which an event counts half."""

        half_life_s: float = 7 * DAY_S

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        self._scores = np.zeros(0, dtype=np.float32)

    def fit(self, histories: Histories, num_rows: int) -> Self:
        """Count the faded events."""
        counts = DecayedCounts(num_rows, self.config.half_life_s)
        known = histories.rows >= NUM_RESERVED
        counts.add(histories.rows[known], histories.ts_ms[known])
        self._scores = counts.shares().astype(np.float32)
        return self

    def score(self, histories: Sequence[History], request_ts_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """Shares [B, R], the same for every query."""
        return np.tile(self._scores, (len(histories), 1))


class LatestPopularity:
    """How many viewers have the item as their latest training event."""

    def __init__(self) -> None:
        self._scores = np.zeros(0, dtype=np.float32)

    def fit(self, histories: Histories, num_rows: int) -> Self:
        """Count the latest events."""
        has_events = np.diff(histories.offsets) > 0
        latest = histories.rows[histories.offsets[1:][has_events] - 1]
        self._scores = np.bincount(latest, minlength=num_rows).astype(np.float32)
        return self

    def score(self, histories: Sequence[History], request_ts_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """Counts [B, R], the same for every query."""
        return np.tile(self._scores, (len(histories), 1))
