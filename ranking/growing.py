"""Arrays that grow with the items along one axis, so that counting an event never copies the catalogue.

Shapes: R rows in use.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def grown(array: NDArray[np.float64], num_rows: int, axis: int = -1) -> NDArray[np.float64]:
    """The array itself while the axis holds `num_rows`, else a copy with room for a quarter more, zero there."""
    held = array.shape[axis]
    if num_rows <= held:
        return array
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, num_rows + num_rows // 4 + 64 - held)
    return np.pad(array, widths)
