"""Which slots of a page are looked at; eye tracking contradicts any single model, so the model is a plug-in.

Shapes: I rows, J slots of a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray


class AttentionModel(Protocol):
    """A model of the eye's way over a page."""

    def weights(self, num_rows: int, row_length: int) -> NDArray[np.float64]:
        """Chance [I, J] that each slot is looked at."""
        ...


@dataclass(frozen=True)
class GeometricWalk:
    """Down the rows, along each from the left, going on with fixed chances."""

    down: float = 0.8
    right: float = 0.86

    def weights(self, num_rows: int, row_length: int) -> NDArray[np.float64]:
        """Falls in both directions."""
        grid: NDArray[np.float64] = self.down ** np.arange(num_rows)[:, None] * self.right ** np.arange(row_length)
        return grid


@dataclass(frozen=True)
class PositionGrid:
    """Each slot for itself (position-based model)."""

    first: float = 0.95
    fade: float = 0.12

    def weights(self, num_rows: int, row_length: int) -> NDArray[np.float64]:
        """Hyperbolic in both directions."""
        rows, columns = 1 + self.fade * np.arange(num_rows), 1 + self.fade * np.arange(row_length)
        grid: NDArray[np.float64] = self.first / rows[:, None] / columns
        return grid


@dataclass(frozen=True)
class LPattern:
    """Most of the first row, then down the left edge."""

    top: float = 0.95
    below: float = 0.55
    down: float = 0.9

    def weights(self, num_rows: int, row_length: int) -> NDArray[np.float64]:
        """A long first row, short ones below."""
        right = np.where(np.arange(num_rows)[:, None] == 0, self.top, self.below)
        grid: NDArray[np.float64] = self.down ** np.arange(num_rows)[:, None] * right ** np.arange(row_length)
        return grid


MODELS: Final[dict[str, AttentionModel]] = {
    "geometric": GeometricWalk(),
    "grid": PositionGrid(),
    "l_pattern": LPattern(),
}
