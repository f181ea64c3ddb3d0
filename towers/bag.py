"""A bag of chosen items, without order or time, as a vector: the sum of what each item says of its viewer.

A linear autoencoder of low rank in two tables, one to read the bag and one to answer; see `training/bag.py`.
Shapes: R item rows, D rank, L items of a bag, K items asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from towers.history import Action
from towers.vocabulary import NUM_RESERVED, PAD

FILE: Final = "bag.npz"


class BagTables(NamedTuple):
    """reading, answering: float32 [R, D]; zero rows neither say anything nor are answered."""

    reading: NDArray[np.float32]
    answering: NDArray[np.float32]

    def vector(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The viewer's vector [D]: repeated rows count once, unknown ones not at all; zero for an empty bag."""
        distinct = np.unique(rows)
        known = distinct[(distinct >= NUM_RESERVED) & (distinct < len(self.reading))]
        summed: NDArray[np.float32] = self.reading[known].sum(axis=0)
        return summed

    def scores(self, rows: NDArray[np.int64], num_rows: int) -> NDArray[np.float64]:
        """Appeal [num_rows] of every item to the viewer of a bag; 0 for rows that came after training."""
        scores = np.zeros(num_rows)
        scores[: len(self.answering)] = self.answering @ self.vector(rows)
        return scores

    def scores_of(self, vector: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Appeal [K] of rows [K] to the viewer of a bag's vector [D]; 0 for rows that came after training."""
        known = rows < len(self.answering)
        return np.where(known, self.answering[np.where(known, rows, PAD)] @ vector, np.float32(0))

    def save(self, path: Path) -> None:
        """Write both tables."""
        np.savez(path, **self._asdict())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(*(arrays[name] for name in cls._fields))


def is_choice(actions: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which events [L] put their item into the bag: all but dislikes and what was given up."""
    choice: NDArray[np.bool_] = ~np.isin(actions, [Action.DISLIKED, Action.ABANDONED])
    return choice
