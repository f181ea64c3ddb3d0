"""Which tastes an item speaks for, by its genres, and what mix of them a viewer has. Shapes: R item rows, T tastes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranking.candidate_features import BAD
from towers.history import History

NUM_RECENT = 200
"""Newest history events that make the mix."""


class Tastes:
    """One taste a genre; an item with several is shared between them, one without speaks for none."""

    def __init__(self, genres: Sequence[Sequence[str]]) -> None:
        place = {name: t for t, name in enumerate(sorted({name for own in genres for name in own}))}
        self._shares = np.zeros((len(genres) + 1, len(place)), dtype=np.float32)
        for row, own in enumerate(genres):
            for name in own:
                self._shares[row, place[name]] += 1 / len(own)

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Shares [len(rows), T]; zero for items that came later."""
        return self._shares[np.minimum(rows, len(self._shares) - 1)]

    def mix(self, history: History) -> NDArray[np.float32]:
        """Shares [T] of what the viewer had of late and did not turn down; zero where nothing is known."""
        recent = history.last(NUM_RECENT)
        total = self.of(recent.rows[~BAD[recent.actions]]).sum(axis=0)
        return np.asarray(total / max(float(total.sum()), 1e-12), dtype=np.float32)
