"""The single path from a table or a live request to the arrays a tower reads: no training/serving skew.

Shapes: B batch, C context columns (hour, weekday, then the data's own columns).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from towers.history import History, HistoryBatch, pad
from towers.vocabulary import UNKNOWN, Vocabulary

HOURS, WEEKDAYS = 24, 7
MS_A_DAY = 86_400_000


@dataclass(frozen=True)
class FeatureSpec:
    """What training fixed about the input; saved with the bundle.

    `context_values` maps each context column of the data to its known values; code 0 means unknown, value p has
    code p + 1. `has_clock` is False where timestamps are mere positions: then hour and weekday stay unknown.
    `ts_unit_ms` is the length in milliseconds of one unit of the `timestamp` column in query files.
    """

    vocabulary: Vocabulary
    max_length: int
    has_clock: bool = True
    ts_unit_ms: float = 1000.0
    context_values: Mapping[str, tuple[str, ...]] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Context columns of the data, in the order of their codes."""
        return tuple(self.context_values or ())

    @property
    def context_sizes(self) -> tuple[int, ...]:
        """Number of codes of each context feature, unknown included."""
        values = self.context_values or {}
        return (HOURS + 1, WEEKDAYS + 1, *(len(values[name]) + 1 for name in self.columns))

    def history(self, ids: Sequence[str], ts_ms: Sequence[int] | None = None) -> History:
        """History of external ids, oldest first, unknown items left out; without times, one second apart."""
        times = np.arange(len(ids)) * 1000 if ts_ms is None else np.asarray(ts_ms, dtype=np.int64)
        rows = self.vocabulary.rows(ids)
        known = rows != UNKNOWN
        return History.of(rows[known], times[known])

    def context_codes(self, ts_ms: NDArray[np.int64], contexts: Sequence[Mapping[str, str]]) -> NDArray[np.int64]:
        """Codes [B, C] of the moments."""
        codes = np.zeros((len(ts_ms), 2 + len(self.columns)), dtype=np.int64)
        codes[:, :2] = self.clock_codes(ts_ms)
        for c, (name, lookup) in enumerate(self._code_of.items()):
            codes[:, 2 + c] = [lookup.get(str(context.get(name)), 0) for context in contexts]
        return codes

    @cached_property
    def _code_of(self) -> dict[str, dict[str, int]]:
        known = self.context_values or {}
        return {name: {value: p + 1 for p, value in enumerate(known[name])} for name in self.columns}

    def clock_codes(self, ts_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Codes [B, 2] of hour and weekday (UTC)."""
        if not self.has_clock:
            return np.zeros((len(ts_ms), 2), dtype=np.int64)
        hour = ts_ms % MS_A_DAY // 3_600_000
        weekday = (ts_ms // MS_A_DAY + 3) % WEEKDAYS
        return np.stack([hour + 1, weekday + 1], axis=1)

    def batch(
        self, histories: Sequence[History], ts_ms: NDArray[np.int64], contexts: Sequence[Mapping[str, str]]
    ) -> HistoryBatch:
        """The newest `max_length` events of each history, padded, with the context of each request."""
        newest = [history.last(self.max_length) for history in histories]
        return pad(newest, ts_ms, self.context_codes(ts_ms, contexts))

    def save(self, folder: Path) -> None:
        """Write `features.json` and `item_ids.npy`."""
        values = {name: list(known) for name, known in (self.context_values or {}).items()}
        config = {
            "max_length": self.max_length,
            "has_clock": self.has_clock,
            "ts_unit_ms": self.ts_unit_ms,
            "context_values": values,
        }
        (folder / "features.json").write_text(json.dumps(config, indent=1))
        np.save(folder / "item_ids.npy", self.vocabulary.encoded, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> FeatureSpec:
        """Read what `save` wrote."""
        config = json.loads((folder / "features.json").read_text())
        values = {name: tuple(known) for name, known in config.pop("context_values").items()}
        encoded = np.load(folder / "item_ids.npy", allow_pickle=False)
        return cls(vocabulary=Vocabulary(encoded), context_values=values, **config)
