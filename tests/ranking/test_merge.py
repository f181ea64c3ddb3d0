"""The union of proposals keeps who proposed what, and at which place."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

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


@settings(deadline=None)
@given(st.lists(st.tuples(st.permutations(range(2, 14)), st.integers(0, 12), st.integers(1, 14)), max_size=5))
def test_a_candidate_has_the_same_places_when_merged_and_when_looked_up(
    drawn: list[tuple[list[int], int, int]],
) -> None:
    given_lists = [proposal(source, *rows[:length]) for source, (rows, length, _) in enumerate(drawn)]
    limits = [limit for _, _, limit in drawn]
    merged = merge(given_lists, limits)
    assert np.array_equal(merged.ranks, places(merged.candidates.rows, given_lists, limits))
