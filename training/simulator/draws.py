"""Random numbers as a function of who and what: the same keys give the same draw, in whatever order they are asked.

So a viewer's taste for a title in a session does not depend on how often, where or by which policy it is shown.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtri

_MASK: Final = (1 << 64) - 1
_STEP: Final = 0x9E3779B97F4A7C15


class Stream(IntEnum):
    """What a draw is for; different streams are independent."""

    COUNT = auto()
    HOUR = auto()
    MINUTE = auto()
    DEVICE = auto()
    COMPANY = auto()
    PATIENCE = auto()
    ATTENTION = auto()
    CHOICE = auto()
    INTENT = auto()
    SEARCH = auto()
    SHARE = auto()
    EPISODES = auto()
    PAUSE = auto()
    THUMB = auto()
    REACTION = auto()
    AGAIN = auto()
    CHURN = auto()
    HOUSE = auto()
    ARTWORK = auto()
    LOGGED = auto()
    RANDOM_POLICY = auto()


class Draws:
    """Uniform draws in (0, 1) from a seed, a stream and integer keys, by SplitMix64 (Steele et al. 2014)."""

    def __init__(self, *seed: int) -> None:
        self._seed = 0
        for part in seed:
            self._seed = _mix_one(self._seed ^ (part & _MASK))

    def uniform(self, stream: Stream, *keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """One draw for each combination of the keys, which broadcast against each other."""
        state: NDArray[np.uint64] = np.array([_mix_one(self._seed + int(stream))], dtype=np.uint64)
        for key in keys:
            state = _mix(state ^ (np.asarray(key).astype(np.uint64) + np.uint64(_STEP)))
        return ((state >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def gumbel(self, stream: Stream, *keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """Standard Gumbel draws: the largest of log weight + draw is a choice in proportion to the weights."""
        state = self.uniform(stream, *keys).astype(np.float32)
        small = np.float32(1e-7)
        return -np.log(-np.log(np.clip(state, small, 1 - small)))


def normal(uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard normal draws from uniform ones."""
    drawn: NDArray[np.float64] = ndtri(uniform)
    return drawn


def gamma(uniform: NDArray[np.float64], shape: float, mean: float) -> NDArray[np.float64]:
    """Gamma draws from uniform ones."""
    drawn: NDArray[np.float64] = gammaincinv(shape, uniform) * (mean / shape)
    return drawn


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = state * np.uint64(_STEP)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _mix_one(state: int) -> int:
    return int(_mix(np.array([state & _MASK], dtype=np.uint64))[0])
