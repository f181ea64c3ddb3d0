"""Which slots of a page the eye falls on; eye tracking contradicts any single model, so there are three.

Shapes: S sessions, R rows, C columns.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from training.errors import UsageError

ROW_S: Final = 2.2
GLANCE_S: Final = 3.0
"""Seconds to take in a new row and to look at a slot: 75 s of patience are then some 20 titles, as published."""


class Kernel(Protocol):
    """A model of attention."""

    @property
    def name(self) -> str: ...

    def glances(self, uniform: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Slots [S, R, C] looked at while patience lasts, from uniform draws [S, R, C]."""
        ...


class GeometricWalk:
    """Down the rows; in each one from the left, going on with probability `onward`."""

    name = "geometric"

    def __init__(self, onward: float = 0.86) -> None:
        self._onward = onward

    def glances(self, uniform: NDArray[np.float64]) -> NDArray[np.bool_]:
        """A run from the left in every row."""
        return _runs(uniform < self._onward)


class PositionGrid:
    """Each slot for itself, with a probability that falls with row and column (position-based model)."""

    name = "grid"

    def glances(self, uniform: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Scattered slots, dense at the top left."""
        _, rows, columns = uniform.shape
        odds = 0.95 / (1 + 0.12 * np.arange(rows))[:, None] / (1 + 0.12 * np.arange(columns))
        return uniform < odds


class LPattern:
    """Most of the first row, then down the left edge with a glance or two at each row."""

    name = "l_pattern"

    def glances(self, uniform: NDArray[np.float64]) -> NDArray[np.bool_]:
        """A long run in the first row, short ones below."""
        onward = np.full(uniform.shape[1], 0.55)
        onward[0] = 0.95
        return _runs(uniform < onward[:, None])


KERNELS: Final[tuple[Kernel, ...]] = (GeometricWalk(), PositionGrid(), LPattern())


def kernel(name: str) -> Kernel:
    """The kernel of that name; a UsageError names the known ones."""
    for each in KERNELS:
        if each.name == name:
            return each
    raise UsageError(f"unknown attention kernel {name!r}; choose {', '.join(each.name for each in KERNELS)} or all")


def glance_times(glanced: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Seconds [S, R * C] from the opening of the page to the end of each glance, infinite for slots passed over."""
    sessions, rows, columns = glanced.shape
    flat = glanced.reshape(sessions, -1)
    scrolled = ROW_S * (1 + np.arange(rows * columns) // columns)
    return np.where(flat, scrolled + GLANCE_S * np.cumsum(flat, axis=1), np.inf)


def _runs(goes_on: NDArray[np.bool_]) -> NDArray[np.bool_]:
    glanced = goes_on.copy()
    glanced[:, :, 0] = True
    return np.logical_and.accumulate(glanced, axis=2)
