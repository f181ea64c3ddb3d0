"""Arrays whose last axis grows with the items, so that counting an event never copies the catalogue.

Shapes: R rows in use.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def grown(array: NDArray[np.float64], num_rows: int) -> NDArray[np.float64]:
    """The array itself while its last axis holds `num_rows`, else a copy with room for a quarter more, zero there."""
    if num_rows <= array.shape[-1]:
        return array
    larger = np.zeros((*array.shape[:-1], num_rows + num_rows // 4 + 64), dtype=np.float64)
    larger[..., : array.shape[-1]] = array
    return larger
