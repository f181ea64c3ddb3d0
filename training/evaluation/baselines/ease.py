"""A linear autoencoder over the whole catalogue in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from towers.history import Histories, History
from towers.vocabulary import NUM_RESERVED
from training.evaluation.baselines.base import query_matrix, viewer_matrix


class CatalogueError(ValueError):
    """A baseline refuses the size of the catalogue; a report goes on without it."""


class EASE:
    """Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019 (its equation 8)."""

    @dataclass(frozen=True)
    class Config:
        """penalty: lambda of the paper. tau: fading of the history by age in events (None: all count alike).

        max_items: largest catalogue taken on, since memory grows with its square and time with its cube.
        """

        penalty: float = 1000.0
        tau: float | None = None
        max_items: int = 20_000

    def __init__(self, config: Config | None = None, twin: EASE | None = None) -> None:
        """`twin` has the same penalty: its weights serve here too once it is fitted to the same histories."""
        self.config = config or self.Config()
        self._twin = twin
        self._fitted_to: Histories | None = None
        self._weights = np.zeros((0, 0), dtype=np.float32)

    def fit(self, histories: Histories, num_rows: int) -> Self:
        """Solve for the weights; CatalogueError refuses one above `max_items`."""
        if num_rows - NUM_RESERVED > self.config.max_items:
            raise CatalogueError(
                f"EASE over {num_rows - NUM_RESERVED:,} items needs {num_rows**2 * 8 / 1e9:.0f} GB; "
                f"leave it out or raise max_items above {self.config.max_items:,}"
            )
        self._fitted_to = histories
        if self._twin is not None and self._twin._fitted_to is histories:
            self._weights = self._twin._weights
            return self
        viewers = viewer_matrix(histories, num_rows)
        gram = (viewers.T @ viewers).toarray().astype(np.float32)
        gram[np.diag_indices(num_rows)] += self.config.penalty
        inverse = linalg.inv(gram, overwrite_a=True, assume_a="pos")
        inverse /= -np.diag(inverse)
        inverse[np.diag_indices(num_rows)] = 0.0
        self._weights = np.ascontiguousarray(inverse, dtype=np.float32)
        return self

    @property
    def weights(self) -> NDArray[np.float32]:
        """Weight [R, R] of each item (row) for each other (column)."""
        return self._weights

    def score(self, histories: Sequence[History], request_ts_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """Scores [B, R]; the sparse product keeps each query's sum apart from the batch."""
        matrix = query_matrix(histories, len(self._weights), self.config.tau)
        return np.asarray(matrix @ self._weights, dtype=np.float32)
