"""A guard against bait: variants of a title that are played but not watched are let go.

Shapes: B choices, I variants of a title, N titles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class CompletionGuard:
    """Forbids variants whose completion given a play is below the mean of their title's variants.

    Every mean is shrunk towards that of all plays of the title.
    """

    @dataclass(frozen=True)
    class Config:
        """A variant goes once it is `sureness` standard errors below; `prior` plays of the title count in each mean,
        and the share watched has a standard `deviation`.
        """

        sureness: float = 1.0
        prior: float = 10.0
        deviation: float = 0.3

    def __init__(self, num_titles: int, num_variants: int, config: Config | None = None) -> None:
        self._config = config or self.Config()
        self._plays = np.zeros((num_titles, num_variants))
        self._share = np.zeros((num_titles, num_variants))

    def update(self, titles: NDArray[np.int64], variants: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
        """Take in plays [B] of variants, by the share that was watched."""
        np.add.at(self._plays, (titles, variants), 1.0)
        np.add.at(self._share, (titles, variants), shares)

    def allowed(self, titles: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which variants [B, I] may be shown; at least one a title."""
        plays, share, prior = self._plays[titles], self._share[titles], self._config.prior
        overall = self._share.sum() / max(self._plays.sum(), 1.0)
        title = (share.sum(axis=1) + prior * overall) / (plays.sum(axis=1) + prior)
        mean = (share + prior * title[:, None]) / (plays + prior)
        error = self._config.deviation / np.sqrt(plays + prior)
        allowed = mean + self._config.sureness * error >= mean.mean(axis=1, keepdims=True)
        best = mean == mean.max(axis=1, keepdims=True)
        kept: NDArray[np.bool_] = allowed | best
        return kept
