"""The union of proposals keeps who proposed what, and at which place."""

from __future__ import annotations

import numpy as np

from index.topk import Candidates
from ranking.merge import merge, places


def proposal(source: int, *rows: int) -> Candidates:
    scores = np.linspace(1, 0, len(rows), dtype=np.float32)
    return Candidates(np.array(rows, dtype=np.int64), scores, np.full(len(rows), source, dtype=np.int8))


def test_each_candidate_stands_once_with_the_place_in_every_list() -> None:
    merged = merge([proposal(0, 9, 4, 7), proposal(1), proposal(2, 4, 5)], [3, 2, 4])
    assert merged.candidates.rows.tolist() == [9, 4, 7, 5]
    assert merged.candidates.source.tolist() == [0, 0, 0, 2]
    assert merged.ranks.tolist() == [[0, 2, 4], [1, 2, 0], [2, 2, 4], [3, 2, 1]]


def test_nothing_proposed_is_nothing() -> None:
    merged = merge([proposal(0), proposal(1)], [3, 3])
    assert merged.candidates.rows.shape == (0,)
    assert merged.ranks.shape == (0, 2)


def test_any_rows_get_their_places() -> None:
    given = [proposal(0, 9, 4, 7), proposal(2, 4, 5)]
    assert places(np.array([5, 9, 77]), given, [3, 4]).tolist() == [[3, 1], [0, 4], [3, 4]]
