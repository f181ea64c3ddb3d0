"""Every index answers as brute force does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

import index
from index import ExactIndex, FaissIndex, Kind, OverlayIndex, RowSet, TopK, VectorIndex
from index.faiss_index import Config

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]
Build = Callable[[Rows, Vectors], VectorIndex]

N, D = 2000, 16


def _faiss(kind: Kind, effort: int = 1, exact_allowed: int = 0) -> Build:
    config = Config(kind, effort, k=50, exact_allowed=exact_allowed)
    return lambda rows, vectors: FaissIndex.build(rows, vectors, config)


def _overlay(base: Build) -> Build:
    """A base in which a tenth of the items have a wrong vector, a fifth is missing, some are too many; mended."""

    def build(rows: Rows, vectors: Vectors) -> OverlayIndex:
        wrong, held = len(rows) // 10, len(rows) - len(rows) // 5
        gone = np.arange(5) + rows.max(initial=1) + 1
        dim = vectors.shape[1]
        first = np.concatenate([-vectors[:wrong], vectors[wrong:held], np.ones((5, dim), np.float32)])
        index = OverlayIndex.over(base(np.concatenate([rows[:held], gone]), first))  # type: ignore[arg-type]
        for start in range(held, len(rows), 1000):
            index = index.put(rows[start : start + 1000], vectors[start:][:1000])
        return index.put(rows[:wrong], vectors[:wrong]).remove(gone)

    return build


EXACT_BUILDS: dict[str, Build] = {
    "exact": ExactIndex.build,
    "flat": _faiss(Kind.FLAT),
    "flat, planned": _faiss(Kind.FLAT, exact_allowed=500),
    "overlay": _overlay(ExactIndex.build),
}
CLOSE_BUILDS: dict[str, Build] = {
    "sq_fp16": _faiss(Kind.SQ_FP16),
    "ivf": _faiss(Kind.IVF_SQ_FP16, effort=1000),
    "hnsw": _faiss(Kind.HNSW_SQ_FP16, effort=1000),
    "ivf, one list": _faiss(Kind.IVF_SQ_FP16, effort=1, exact_allowed=200),
    "pq": _faiss(Kind.PQ_FAST_SCAN, effort=16),
    "ivf, overlay": _overlay(_faiss(Kind.IVF_SQ_FP16, effort=1000)),
}
SMALL_BUILDS = {name: build for name, build in (EXACT_BUILDS | CLOSE_BUILDS).items() if name != "pq"}

every_small = pytest.mark.parametrize("build", SMALL_BUILDS.values(), ids=SMALL_BUILDS)
every_exact = pytest.mark.parametrize("build", EXACT_BUILDS.values(), ids=EXACT_BUILDS)


def unit(vectors: NDArray[np.float64]) -> Vectors:
    scaled: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Distinct, unsorted, many beyond 2^40."""
    rng = np.random.default_rng(1)
    return rng.permutation(np.concatenate([np.arange(2, N // 2 + 2), 2**40 + 3 * np.arange(N - N // 2)]))


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(20, D))
    return unit(centres[rng.integers(20, size=N)] + 0.6 * rng.normal(size=(N, D)))


@pytest.fixture(scope="module")
def queries(vectors: Vectors) -> Vectors:
    rng = np.random.default_rng(3)
    return unit(vectors[rng.integers(N, size=12)] + 0.2 * rng.normal(size=(12, D)))


@pytest.fixture(scope="module", params=EXACT_BUILDS | CLOSE_BUILDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def held(name: str, rows: Rows, vectors: Vectors) -> VectorIndex:
    return (EXACT_BUILDS | CLOSE_BUILDS)[name](rows, vectors)


@pytest.fixture(scope="module")
def floor(name: str) -> float:
    """Recall expected; one list of many finds little."""
    return 0.3 if name == "ivf, one list" else 0.99


def brute(
    rows: Rows,
    vectors: Vectors,
    queries: Vectors,
    k: int,
    allowed: Rows | None = None,
) -> TopK:
    """The reference, in float64."""
    keep = np.ones(len(rows), dtype=bool) if allowed is None else np.isin(rows, allowed)
    kept, scores = rows[keep], queries.astype(np.float64) @ vectors[keep].astype(np.float64).T
    order = np.array([np.lexsort((kept, -line))[:k] for line in scores.round(6)])
    order = order.reshape(len(queries), min(k, len(kept))).astype(np.int64)
    return TopK(kept[order], np.take_along_axis(scores, order, axis=1).astype(np.float32))


def check(found: TopK, true: TopK, allowed: Rows | None = None, floor: float = 0.99) -> None:
    """Shape, dtype, order, distinctness, membership, recall with ties counted as right."""
    assert found.rows.shape == found.scores.shape == true.rows.shape
    assert found.rows.dtype == np.int64
    assert found.scores.dtype == np.float32
    assert (found.rows >= 0).all()
    assert (np.diff(found.scores, axis=1) <= 0).all()
    assert all(len(set(line.tolist())) == len(line) for line in found.rows)
    if allowed is not None:
        assert np.isin(found.rows, allowed).all()
    if found.rows.size:
        assert (found.scores >= true.scores[:, -1:] - 1e-6).mean() >= floor


@pytest.mark.parametrize("k", [1, 10, 100])
def test_agrees_with_brute_force(
    held: VectorIndex, floor: float, k: int, rows: Rows, vectors: Vectors, queries: Vectors
) -> None:
    check(held.search(queries, k), brute(rows, vectors, queries, k), floor=floor)


@pytest.mark.parametrize("layout", ["spread", "gathered"])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9])
def test_answers_only_allowed_rows_and_enough_of_them(
    held: VectorIndex, floor: float, share: float, layout: str, rows: Rows, vectors: Vectors, queries: Vectors
) -> None:
    rng = np.random.default_rng(int(share * 1000))
    order = rng.permutation(N) if layout == "spread" else np.argsort(-(vectors @ vectors[:2].T).max(axis=1))
    allowed = rows[order[: int(share * N)]]
    foreign = np.array([-1, -(2**63), 2**62, 2**40 + 1])
    asked = np.concatenate([allowed, foreign, allowed[:3]])
    true = brute(rows, vectors, queries, 50, allowed)
    check(held.search(queries, 50, asked), true, allowed, floor)


@pytest.mark.parametrize("share", [0.01, 0.5])
def test_a_set_of_rows_answers_as_their_list(name: str, share: float, vectors: Vectors, queries: Vectors) -> None:
    held = (EXACT_BUILDS | CLOSE_BUILDS)[name](np.arange(2, 2 + N), vectors)
    mask = np.random.default_rng(0).random(N + 40) < share
    by_list, by_set = held.search(queries, 30, np.flatnonzero(mask)), held.search(queries, 30, RowSet.where(mask))
    np.testing.assert_array_equal(by_list.rows, by_set.rows)
    np.testing.assert_array_equal(by_list.scores, by_set.scores)


def test_k_over_the_catalogue_gives_every_item_once(
    held: VectorIndex, rows: Rows, vectors: Vectors, queries: Vectors
) -> None:
    found = held.search(queries[:2], N + 500)
    check(found, brute(rows, vectors, queries[:2], N))
    assert (np.sort(found.rows, axis=1) == np.sort(rows)).all()


def test_an_empty_allowed_set_gives_an_empty_answer(
    held: VectorIndex, rows: Rows, vectors: Vectors, queries: Vectors
) -> None:
    for nothing in (np.empty(0, dtype=np.int64), np.array([]), np.array([2**41 + 1])):
        assert held.search(queries, 5, nothing).rows.shape == (len(queries), 0)


def test_no_queries_give_no_answers(held: VectorIndex, rows: Rows, vectors: Vectors, queries: Vectors) -> None:
    assert held.search(queries[:0], 7).rows.shape == (0, 7)


@every_small
def test_an_empty_index_answers_nothing(build: Build, queries: Vectors) -> None:
    held = build(np.empty(0, dtype=np.int64), np.empty((0, D), dtype=np.float32))
    assert held.search(queries, 5).rows.shape == (len(queries), 0)
    assert held.search(queries, 5, np.array([2])).rows.shape == (len(queries), 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_refuses_a_non_finite_query(
    held: VectorIndex, bad: float, rows: Rows, vectors: Vectors, queries: Vectors
) -> None:
    spoilt = queries.copy()
    spoilt[1, 3] = bad
    with pytest.raises(ValueError, match="query 1 is not finite"):
        held.search(spoilt, 5)


def test_refuses_a_wrong_shape_and_a_wrong_k(held: VectorIndex, rows: Rows, vectors: Vectors, queries: Vectors) -> None:
    with pytest.raises(ValueError, match=rf"wants \[B, {D}\]"):
        held.search(queries[:, 1:], 5)
    with pytest.raises(ValueError, match=rf"wants \[B, {D}\]"):
        held.search(queries[0], 5)
    with pytest.raises(ValueError, match="k is 0"):
        held.search(queries, 0)
    with pytest.raises(ValueError, match="type bool"):
        held.search(queries, 5, np.ones(N, dtype=bool))


@every_small
def test_refuses_what_it_cannot_hold(build: Build, rows: Rows, vectors: Vectors) -> None:
    spoilt = vectors.copy()
    spoilt[4] = np.nan
    with pytest.raises(ValueError, match=f"row {rows[4]} is not finite"):
        build(rows, spoilt)
    with pytest.raises(ValueError, match="do not fit"):
        build(rows[:-1], vectors)
    with pytest.raises(ValueError, match="two vectors"):
        build(np.zeros_like(rows), vectors)
    with pytest.raises(ValueError, match="negative"):
        build(rows - 10, vectors)


def test_loads_what_it_saved(held: VectorIndex, rows: Rows, vectors: Vectors, queries: Vectors, tmp_path: Path) -> None:
    held.save(tmp_path / "index")
    loaded = index.load(tmp_path / "index")
    assert type(loaded) is type(held)
    assert (loaded.num_items, loaded.dim) == (N, D)
    for allowed in (None, rows[:700]):
        before, after = held.search(queries, 30, allowed), loaded.search(queries, 30, allowed)
        np.testing.assert_array_equal(before.rows, after.rows)
        np.testing.assert_array_equal(before.scores, after.scores)


def test_one_query_gets_what_it_gets_in_a_batch(
    held: VectorIndex, rows: Rows, vectors: Vectors, queries: Vectors
) -> None:
    for allowed in (None, rows[:900]):
        together = held.search(queries, 40, allowed)
        for b in range(len(queries)):
            alone = held.search(queries[b : b + 1], 40, allowed)
            np.testing.assert_array_equal(alone.rows[0], together.rows[b])
            np.testing.assert_array_equal(alone.scores[0], together.scores[b])


@every_small
def test_duplicates_come_by_row_and_only_once(build: Build, vectors: Vectors, queries: Vectors) -> None:
    held = build(np.arange(2, 2 + N), np.repeat(vectors[: N // 4], 4, axis=0))
    found = held.search(queries, 20)
    assert all(len(set(line.tolist())) == 20 for line in found.rows)
    same = np.diff(found.scores, axis=1) == 0
    assert same.any()
    assert (np.diff(found.rows, axis=1)[same] > 0).all()


@every_exact
def test_a_catalogue_of_equal_items_gives_the_smallest_rows(build: Build) -> None:
    held = build(np.arange(1000)[::-1].copy(), np.tile(unit(np.ones((1, D))), (1000, 1)))
    np.testing.assert_array_equal(held.search(np.ones((1, D), dtype=np.float32), 9).rows, [np.arange(9)])


def test_scores_equal_those_of_the_exact_index(
    held: VectorIndex, rows: Rows, vectors: Vectors, queries: Vectors
) -> None:
    exact, found = ExactIndex.build(rows, vectors), held.search(queries, 25)
    for b, query in enumerate(queries):
        scores = exact.search(query[None], 25, found.rows[b])
        np.testing.assert_array_equal(scores.scores[0], found.scores[b])


finite = st.floats(-4, 4, width=16).map(lambda value: round(value * 4) / 4)


@settings(max_examples=60, deadline=None)
@given(
    vectors=hnp.arrays(np.float32, st.tuples(st.integers(1, 60), st.just(3)), elements=finite),
    query=hnp.arrays(np.float32, (1, 3), elements=finite),
    k=st.integers(1, 70),
    first=st.sampled_from([0, 2, 2**40]),
    allowed=st.none() | st.lists(st.integers(-2, 65)),
)
def test_any_small_catalogue_matches_brute_force(
    vectors: Vectors, query: Vectors, k: int, first: int, allowed: list[int] | None
) -> None:
    rows = first + np.arange(len(vectors))
    permitted = None if allowed is None else first + np.array(allowed, dtype=np.int64)
    true = brute(rows, vectors, query, k, permitted)
    for build in EXACT_BUILDS.values():
        found = build(rows, vectors).search(query, k, permitted)
        np.testing.assert_array_equal(found.rows, true.rows)
        np.testing.assert_array_equal(found.scores, true.scores)
