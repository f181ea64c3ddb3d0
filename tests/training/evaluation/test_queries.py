from __future__ import annotations

import numpy as np
import pytest

from tests.training.evaluation.worlds import history_of, queries_of
from training.evaluation.queries import Queries, head_items, slices


def test_the_head_is_the_fewest_items_with_half_of_the_events() -> None:
    counts = np.array([0, 0, 5, 30, 10, 25, 0])
    assert np.flatnonzero(head_items(counts)).tolist() == [3, 5]
    assert np.flatnonzero(head_items(np.array([0, 0, 60, 40]))).tolist() == [2]


def test_slices_part_the_queries_in_three_ways() -> None:
    histories = [history_of(list(range(2, 2 + length))) for length in (0, 4, 5, 9)]
    queries = queries_of(histories, [20, 20, 21, 21])
    counts = np.zeros(30, dtype=np.int64)
    counts[[20, 21]] = [6, 4]
    found = {name: mask.tolist() for name, mask in slices(queries, counts)}
    assert found["cold"] == [True, True, False, False]
    assert found["head"] == [True, True, False, False]
    for one, other in (("cold", "warm"), ("known", "new"), ("head", "tail")):
        assert [a != b for a, b in zip(found[one], found[other], strict=True)] == [True] * 4


def test_reserved_rows_and_the_history_are_excluded_unless_a_list_is_given() -> None:
    queries = queries_of([history_of([3, 5]), history_of([])], [4, 4])
    assert [np.flatnonzero(row).tolist() for row in queries.excluded(slice(0, 2), 6)] == [[0, 1, 3, 5], [0, 1]]
    given = Queries(**{**vars(queries), "exclude": [np.array([2]), np.array([], dtype=np.int64)]})
    assert [np.flatnonzero(row).tolist() for row in given.excluded(slice(0, 2), 6)] == [[0, 1, 2], [0, 1]]


def test_a_sample_keeps_the_order_and_all_fields() -> None:
    queries = queries_of([history_of([2 + position]) for position in range(50)], list(range(2, 52)))
    part = queries.sample(10, np.random.default_rng(0))
    assert len(part) == 10
    assert [int(history.rows[0]) for history in part.histories] == part.targets.tolist() == sorted(part.targets)


def test_fields_of_different_lengths_are_refused() -> None:
    queries = queries_of([history_of([2])], [3])
    with pytest.raises(ValueError, match=r"different lengths.*'targets': 2"):
        Queries(**{**vars(queries), "targets": np.array([3, 4])})
