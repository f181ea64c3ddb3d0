"""Canary queries: a few questions whose answers are known, asked before a bundle serves anybody.

A file can be whole and still wrong for this machine: another FAISS, another ONNX Runtime, a mistake of the exporter.
Shapes: B queries, K results, D embedding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from index import VectorIndex
from serving.manifest import BundleError
from towers.history import HistoryBatch

FILE: Final = "canary.npz"
TOLERANCE: Final = 1e-3
"""Largest deviation of a score or a coordinate; processors differ by about 1e-6."""


class Canary(NamedTuple):
    """batch: B encoded queries. users: float32 [B, D] their vectors. rows, scores: [B, K] what the index answers."""

    batch: HistoryBatch
    users: NDArray[np.float32]
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]

    @classmethod
    def of(cls, batch: HistoryBatch, users: NDArray[np.float32], index: VectorIndex, k: int = 10) -> Self:
        """The answers of now, to be expected later."""
        found = index.search(users, k)
        return cls(batch, users, found.rows, found.scores)

    def save(self, folder: Path) -> None:
        """Write `canary.npz`."""
        with (folder / FILE).open("wb") as file:
            np.savez(file, users=self.users, answer_rows=self.rows, answer_scores=self.scores, **self.batch._asdict())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(folder / FILE, allow_pickle=False) as parts:
            batch = HistoryBatch(*(parts[name] for name in HistoryBatch._fields))
            return cls(batch, parts["users"], parts["answer_rows"], parts["answer_scores"])


def check_canary(canary: Canary, users: NDArray[np.float32], index: VectorIndex) -> None:
    """Compare vectors [B, D] and their search results with what is expected; a BundleError names what differs.

    `users` come from the encoder, or are `canary.users` to check the index alone. Rows may change places with rows of
    the same score.
    """
    if len(canary.users) == 0:
        raise BundleError(f"{FILE} holds no queries; publish again with at least one")
    if users.shape != canary.users.shape or not np.allclose(users, canary.users, rtol=0, atol=TOLERANCE):
        raise BundleError(f"user_tower.onnx does not give the vectors of {FILE}; publish again on this machine")
    found = index.search(users, max(canary.rows.shape[1], 1))
    agree = found.rows.shape == canary.rows.shape and np.allclose(found.scores, canary.scores, rtol=0, atol=TOLERANCE)
    if not agree or any(_lost(canary, found.rows, b) for b in range(len(users))):
        raise BundleError(f"the index does not give the answers of {FILE}; publish again on this machine")


def _lost(canary: Canary, rows: NDArray[np.int64], b: int) -> bool:
    """Whether an item clearly better than the last expected one is not found."""
    clear = canary.scores[b] > canary.scores[b][-1:] + 2 * TOLERANCE
    return not set(canary.rows[b][clear].tolist()) <= set(rows[b].tolist())
