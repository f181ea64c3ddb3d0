from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.sparse_scores import SparseScores

entries = st.lists(st.tuples(st.integers(0, 9), st.floats(0.1, 5)), max_size=30)


@settings(deadline=None)
@given(entries, st.integers(0, 12))
def test_sparse_scores_equal_dense_ones(drawn: list[tuple[int, float]], num_rows: int) -> None:
    rows = np.array([row for row, _ in drawn], dtype=np.int64)
    weights = np.array([weight for _, weight in drawn])
    dense = np.bincount(rows, weights, minlength=12)[:12].astype(np.float64)
    scores = SparseScores.summed(rows, weights)
    asked = np.array([3, 11, 0, 3, 9])
    assert np.array_equal(scores.of(asked), dense[asked])
    assert np.array_equal(scores.rows, np.flatnonzero(dense))
    assert scores.best == dense.max()
    assert np.array_equal(scores.below(num_rows).rows, np.flatnonzero(dense[:num_rows]))
