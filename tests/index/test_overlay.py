"""Changes to an index while it is searched."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from index import ExactIndex, FaissIndex, Kind, OverlayIndex, RowSet
from index.faiss_index import Config

N, D = 1500, 8
ROWS = np.arange(2, N + 2)
EYE = np.eye(D, dtype=np.float32)


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    drawn = np.random.default_rng(0).normal(size=(N, D))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def fresh(vectors: NDArray[np.float32]) -> OverlayIndex:
    return OverlayIndex.over(FaissIndex.build(ROWS, vectors, Config(Kind.IVF_SQ_FP16, effort=100)))


def test_a_put_is_found_by_the_next_search_and_not_by_the_old_index(fresh: OverlayIndex) -> None:
    changed = fresh.put([N + 2, 5], EYE[:2])
    assert changed.search(EYE[:2], 1).rows.tolist() == [[N + 2], [5]]
    assert changed.num_items == N + 1
    assert fresh.num_items == N
    assert N + 2 not in fresh.search(EYE[:1], N).rows


def test_a_replaced_vector_is_answered_once(fresh: OverlayIndex) -> None:
    changed = fresh.put([7], EYE[:1]).put([7], EYE[1:2])
    found = changed.search(EYE[:2], N)
    assert (found.rows == 7).sum(axis=1).tolist() == [1, 1]
    assert found.rows[1][0] == 7
    assert changed.num_items == N


def test_a_removed_row_is_gone_and_the_list_stays_full(fresh: OverlayIndex) -> None:
    best = fresh.search(EYE[:1], 60).rows[0]
    changed = fresh.remove(best[:50])
    found = changed.search(EYE[:1], 10)
    np.testing.assert_array_equal(found.rows[0], best[50:])
    assert not changed.has(best[:50]).any()
    assert changed.search(EYE[:1], 10, best).rows[0].tolist() == best[50:].tolist()
    assert changed.search(EYE[:1], 5, RowSet.of(best[:50])).rows.shape == (1, 0)


def test_most_of_the_base_may_be_hidden(fresh: OverlayIndex, vectors: NDArray[np.float32]) -> None:
    changed = fresh.remove(ROWS[: N - 20])
    expected = ExactIndex.build(ROWS[N - 20 :], vectors[N - 20 :]).search(EYE, 30)
    np.testing.assert_array_equal(changed.search(EYE, 30).rows, expected.rows)


def test_everything_may_be_removed_and_come_back(fresh: OverlayIndex) -> None:
    empty = fresh.remove(ROWS)
    assert empty.num_items == 0
    assert empty.search(EYE, 5).rows.shape == (D, 0)
    assert empty.put([9], EYE[:1]).search(EYE, 5).rows.tolist() == [[9]] * D


def test_the_vectors_held_are_what_a_build_from_scratch_would_get(
    fresh: OverlayIndex, vectors: NDArray[np.float32]
) -> None:
    changed = fresh.put([N + 9, 3], EYE[:2]).remove([4, 2**41])
    held = changed.items
    assert held.num_items == changed.num_items == N
    rebuilt = ExactIndex(held).search(EYE, 20)
    np.testing.assert_array_equal(rebuilt.rows, changed.search(EYE, 20).rows)


def test_refuses_vectors_of_another_width(fresh: OverlayIndex) -> None:
    with pytest.raises(ValueError, match="3 dimensions; this index wants 8"):
        fresh.put([3], np.ones((1, 3), np.float32))
    with pytest.raises(ValueError, match="row 3 is not finite"):
        fresh.put([3], np.full((1, D), np.nan, np.float32))
