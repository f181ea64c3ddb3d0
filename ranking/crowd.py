"""What known viewers like: the yardstick for newcomers, taken from histories.

Shapes: U viewers of the crowd, N titles, D embedding, R item rows, L events.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from towers.history import Action, Histories
from towers.vocabulary import NUM_RESERVED

HALF_WATCHED: Final = 6
"""Bucket of the watched share from which a title counts as liked; see `towers.history`."""


class Crowd(NamedTuple):
    """rows: int64 [N], item rows of the best known titles, best known first. likes: bool [U, N], who likes what.
    vectors: float32 [N, D], unit length. counts: float64 [N], choices of all viewers.
    """

    rows: NDArray[np.int64]
    likes: NDArray[np.bool_]
    vectors: NDArray[np.float32]
    counts: NDArray[np.float64]

    @property
    def centre(self) -> NDArray[np.float32]:
        """Mean vector [D] of what viewers choose."""
        return mean_vector(self.vectors, self.counts)

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Column of each of the item rows that the crowd knows; the others are left out."""
        order = np.argsort(self.rows)
        at = np.minimum(np.searchsorted(self.rows, rows, sorter=order), len(order) - 1)
        places: NDArray[np.int64] = order[at][self.rows[order[at]] == rows]
        return places


def mean_vector(vectors: NDArray[np.float32], counts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Mean [D] of vectors [N, D], each counting as often as it was chosen [N]."""
    weights = counts / max(float(counts.sum()), 1e-9)
    return (weights @ vectors).astype(np.float32)


def is_liked(actions: NDArray[np.int8], shares: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which events [L] say that a title was liked: in words, watched for half of it, or chosen and no more is known."""
    said = np.isin(actions, [Action.LIKED, Action.COMPLETED, Action.PURCHASED])
    chosen = np.isin(actions, [Action.CHOSEN, Action.UNKNOWN]) & ((shares == 0) | (shares >= HALF_WATCHED))
    liked: NDArray[np.bool_] = said | chosen
    return liked


def crowd_of(
    histories: Histories, vectors: NDArray[np.float32], num_titles: int = 2000, num_viewers: int = 5000, least: int = 5
) -> Crowd:
    """The `num_titles` best known titles and up to `num_viewers` viewers, spread evenly, with `least` likes of them.

    vectors: float32 [R, D].
    """
    counts = np.bincount(histories.rows, minlength=len(vectors)).astype(np.float64)
    counts[:NUM_RESERVED] = 0
    order = np.argsort(-counts, kind="stable")
    rows = order[: min(num_titles, int((counts > 0).sum()))].astype(np.int64)
    place = np.full(len(vectors), -1)
    place[rows] = np.arange(len(rows))
    chosen = np.unique(np.linspace(0, max(histories.num_viewers - 1, 0), num_viewers).astype(np.int64))
    likes = np.zeros((len(chosen), len(rows)), dtype=np.bool_)
    for u, viewer in enumerate(chosen.tolist() if histories.num_viewers else []):
        history = histories.of(viewer)
        at = place[history.rows[is_liked(history.actions, history.shares)]]
        likes[u, at[at >= 0]] = True
    return Crowd(rows, likes[likes.sum(axis=1) >= least], vectors[rows], counts[rows])
