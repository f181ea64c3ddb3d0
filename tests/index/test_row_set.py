"""Sets of rows behave as Python's sets, whichever form they are kept in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import RowSet

Form = Callable[[set[int]], RowSet]

members = st.sets(st.integers(0, 300))


def as_bitmap(rows: set[int]) -> RowSet:
    mask = np.zeros(max(rows, default=0) + 1, dtype=bool)
    mask[list(rows)] = True
    return RowSet.where(mask)


def as_rows(rows: set[int]) -> RowSet:
    return RowSet.of(list(rows))


forms = st.sampled_from([as_bitmap, as_rows])


@settings(deadline=None)
@given(members, members, forms, forms)
def test_operators_agree_with_sets(a: set[int], b: set[int], form_a: Form, form_b: Form) -> None:
    first, second = form_a(a), form_b(b)
    assert (first & second).rows.tolist() == sorted(a & b)
    assert (first | second).rows.tolist() == sorted(a | b)
    assert (first - second).rows.tolist() == sorted(a - b)
    assert len(first - second) == len(a - b)


@settings(deadline=None)
@given(members, forms, st.integers(0, 200), st.integers(0, 200))
def test_a_shifted_set_counts_from_its_first_row(rows: set[int], form: Form, first: int, length: int) -> None:
    moved = form(rows).shifted(first, length)
    assert moved.rows.tolist() == sorted(row - first for row in rows if first <= row < first + length)
    assert len(moved) == len(moved.rows)


@settings(deadline=None)
@given(members, forms)
def test_tells_which_rows_it_has(rows: set[int], form: Form) -> None:
    asked = np.arange(-70, 500)
    assert asked[form(rows).has(asked)].tolist() == sorted(rows)


@pytest.mark.parametrize("num_rows", [0, 1, 63, 64, 65, 1000])
def test_all_rows_are_inside(num_rows: int) -> None:
    assert RowSet.all(num_rows).rows.tolist() == list(range(num_rows))
    assert len(RowSet.all(num_rows)) == num_rows


def test_large_rows_need_no_bitmap() -> None:
    large = RowSet.of([2**40, 3, 2**40, -1])
    assert large.rows.tolist() == [3, 2**40]
    assert (large - RowSet.all(10)).rows.tolist() == [2**40]
    assert (RowSet.all(10) - large).rows.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    with pytest.raises(ValueError, match="too large for a bitmap"):
        _ = large.words
