"""Results of a search. Shapes: B queries, K results."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class TopK(NamedTuple):
    """Best items a query, best first.

    rows: int64 [B, K] item rows, never negative, distinct within a query. scores: float32 [B, K], larger is better.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


class Candidates(NamedTuple):
    """Items proposed for one request; parallel arrays of shape [K]. source: int8 code of who proposed each."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    source: NDArray[np.int8]
