"""Item neighbours by the cosine of their viewers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from towers.history import Histories, History
from training.evaluation.baselines.base import query_matrix, viewer_matrix
from training.evaluation.baselines.strongest import keep_strongest

BLOCK_CELLS = 4_000_000
"""Similarities held at once while the nearest are chosen."""


class ItemKNN:
    """Sums the similarities of the history's items; each item keeps its nearest neighbours.

    Sarwar et al., Item-based collaborative filtering recommendation algorithms, WWW 2001.
    """

    @dataclass(frozen=True)
    class Config:
        """num_neighbours: kept an item. tau: fading of the history by age in events (None: all count alike)."""

        num_neighbours: int = 50
        tau: float | None = None

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        self._similarity = sparse.csr_array((0, 0), dtype=np.float32)

    def fit(self, histories: Histories, num_rows: int) -> Self:
        """Keep the nearest neighbours of each item, a block of items at a time."""
        viewers = viewer_matrix(histories, num_rows)
        lengths = np.sqrt(np.maximum(viewers.sum(axis=0), 1)).astype(np.float32)
        unit = sparse.csr_array(viewers @ sparse.diags_array(1 / lengths, dtype=np.float32))
        by_item = sparse.csr_array(unit.T)
        size = max(BLOCK_CELLS // num_rows, 64)
        blocks = [self._nearest(by_item[start : start + size], unit, start) for start in range(0, num_rows, size)]
        # Stored by neighbour: column j holds the items whose neighbour lists j looks up.
        self._similarity = sparse.csr_array(sparse.vstack(blocks).T)
        return self

    def _nearest(self, items: sparse.csr_array, unit: sparse.csr_array, start: int) -> sparse.csr_array:
        block = sparse.coo_array(items @ unit)
        is_self = block.row + start == block.col
        block.data[is_self] = 0
        return keep_strongest(block, self.config.num_neighbours)

    @property
    def similarity(self) -> sparse.csr_array:
        """Similarity [R, R] by neighbour: row j holds the items of whose neighbours j is one."""
        return self._similarity

    def score(self, histories: Sequence[History], request_ts_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """Summed similarities [B, R]."""
        matrix = query_matrix(histories, self._similarity.shape[0], self.config.tau)
        return np.asarray((matrix @ self._similarity).toarray(), dtype=np.float32)
