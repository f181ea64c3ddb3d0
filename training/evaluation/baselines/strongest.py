"""Thinning of a sparse matrix to the strongest entries of each row."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def keep_strongest(matrix: sparse.coo_array, k: int) -> sparse.csr_array:
    """The k largest positive entries of each row, ties by the smaller column; columns ascend within a row."""
    order = np.lexsort((matrix.col, -matrix.data, matrix.row))
    order = order[matrix.data[order] > 0]
    rows = matrix.row[order]
    starts = np.searchsorted(rows, np.arange(matrix.shape[0]))
    place = np.arange(len(rows)) - starts[rows]
    kept = order[place < k]
    thin = sparse.csr_array((matrix.data[kept], (matrix.row[kept], matrix.col[kept])), shape=matrix.shape)
    thin.sort_indices()
    return thin
