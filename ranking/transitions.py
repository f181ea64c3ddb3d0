"""Which items speak for which, as sparse tables that serving reads: what follows an item, what its viewers also chose.

Shapes: R item rows, S stored pairs, L history, K candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ranking.sparse_scores import SparseScores

FILE: Final = "transitions.npz"
ITEM_KNN_FILE: Final = "item_knn.npz"
EASE_FILE: Final = "ease.npz"


@dataclass(frozen=True, eq=False)
class TransitionTable:
    """Successors of each item in CSR form: item i owns positions offsets[i] to offsets[i + 1].

    offsets: int64 [R + 1]. items: int64 [S]. weights: float32 [S]. `window` is the number of newest history events
    that count; the event of age a (0 is the newest) counts 1 / (1 + a).
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int64]
    weights: NDArray[np.float32]
    window: int = 20

    @classmethod
    def empty(cls, num_rows: int) -> TransitionTable:
        """Nothing follows anything."""
        return cls(np.zeros(num_rows + 1, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))

    @property
    def num_rows(self) -> int:
        """R."""
        return len(self.offsets) - 1

    def scores(self, history: NDArray[np.int64], candidates: NDArray[np.int64]) -> NDArray[np.float32]:
        """Score [K] of the candidate rows after the history rows [L], newest last; 0 where nothing is known."""
        return self.all_scores(history)[candidates]

    def all_scores(self, history: NDArray[np.int64]) -> NDArray[np.float32]:
        """Score [R] of every row after the history rows [L], newest last."""
        scores = np.zeros(self.num_rows, dtype=np.float32)
        np.add.at(scores, *self._after(history))
        return scores

    def after(self, history: NDArray[np.int64]) -> SparseScores:
        """The same of the rows that have any."""
        return SparseScores.summed(*self._after(history))

    def _after(self, history: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows that followed, repeated, and what each time adds."""
        newest = history[max(len(history) - self.window, 0) :][::-1]
        starts, lengths = self.offsets[newest], self.offsets[newest + 1] - self.offsets[newest]
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        places = np.arange(total) + np.repeat(starts - ends + lengths, lengths)
        recency = np.repeat((1 / np.arange(1, len(newest) + 1)).astype(np.float32), lengths)
        return self.items[places], self.weights[places] * recency

    def save(self, path: Path) -> None:
        """Write one npz file."""
        window = np.int64(self.window)
        with path.open("wb") as file:
            np.savez(file, offsets=self.offsets, items=self.items, weights=self.weights, window=window)

    @classmethod
    def load(cls, path: Path) -> TransitionTable:
        """Read what `save` wrote; a ValueError names a file whose parts do not fit together."""
        with np.load(path, allow_pickle=False) as parts:
            table = cls(parts["offsets"], parts["items"], parts["weights"], int(parts["window"]))
        num_pairs = int(table.offsets[-1])
        if not len(table.items) == len(table.weights) == num_pairs or np.any(np.diff(table.offsets) < 0):
            raise ValueError(f"{path} is no transition table: its offsets do not fit its {len(table.items)} items")
        return table
