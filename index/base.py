"""The contract of every index."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from index.row_set import Allowed
from index.topk import TopK


class VectorIndex(Protocol):
    """Inner-product search over item vectors; published objects are immutable.

    Every implementation passes `tests/index/test_contract.py`; the reference is brute force.
    """

    @property
    def num_items(self) -> int: ...

    @property
    def dim(self) -> int: ...

    def search(self, queries: NDArray[np.float32], k: int, allowed: Allowed | None = None) -> TopK:
        """The k best items of each query [B, D], restricted to the rows in `allowed` when given.

        K is min(k, number of allowed items held): a short list, never a forbidden item. Ties break by the smaller row.
        A ValueError names a non-finite query, a wrong dimension or a k below 1.
        """
        ...

    def save(self, folder: Path) -> None: ...

    @classmethod
    def load(cls, folder: Path) -> Self: ...
