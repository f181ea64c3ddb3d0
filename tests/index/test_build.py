"""The choice of an index."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from index import ExactIndex, FaissIndex, Kind, RecallError
from index.build import Config, build
from index.filter_plan import Layout, allowed_rows
from index.kinds import EFFORTS

N, D = 4000, 16


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled


ROWS = np.arange(2, N + 2)
VECTORS = unit(np.random.default_rng(0).normal(size=(N, D)))
QUERIES = unit(np.random.default_rng(1).normal(size=(40, D)))


def test_a_small_catalogue_is_searched_exactly() -> None:
    built = build(ROWS, VECTORS, QUERIES, Config(k=10))
    assert isinstance(built.index, ExactIndex)
    assert built.report.chosen.recall == 1.0
    assert [point.kind for point in built.report.curve] == ["exact"]
    assert built.report.num_queries == 40


def test_the_cheapest_candidate_above_the_floor_is_taken() -> None:
    built = build(ROWS, VECTORS, QUERIES, Config(k=10, exact_up_to=0))
    assert isinstance(built.index, FaissIndex)
    good = [point for point in built.report.curve if point.recall >= 0.99]
    assert built.report.chosen == min(good, key=lambda point: point.us_a_query)
    assert built.index.config.kind == built.report.chosen.kind
    assert built.index.config.effort == built.report.chosen.effort
    assert {point.kind for point in built.report.curve} == set(Config().kinds)


def test_more_effort_finds_more() -> None:
    curve = build(ROWS, VECTORS, QUERIES, Config(k=10, exact_up_to=0, kinds=(Kind.IVF_SQ_FP16,))).report.curve
    recalls = [point.recall for point in curve]
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.6
    assert recalls[-1] > 0.99


def test_nothing_below_the_floor_is_published() -> None:
    config = Config(k=10, exact_up_to=0, kinds=(Kind.FLAT,), recall_floor=1.1)
    with pytest.raises(RecallError, match=r"flat, effort 1.*1\.0000.*recall_floor 1\.1"):
        build(ROWS, VECTORS, QUERIES, config)


def test_ties_count_as_right() -> None:
    doubled = np.repeat(VECTORS[:500], 8, axis=0)
    built = build(ROWS, doubled, QUERIES, Config(k=3, exact_up_to=0, kinds=(Kind.SQ_FP16,)))
    assert built.report.chosen.recall == 1.0


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.FLAT])
def test_filters_lose_nothing_in_any_kind(kind: Kind) -> None:
    built = build(ROWS, VECTORS, QUERIES, Config(k=20, exact_up_to=0, kinds=(kind,)))
    assert isinstance(built.index, FaissIndex)
    assert built.filters is not None
    rng = np.random.default_rng(2)
    for share, layout in itertools.product((0.001, 0.01, 0.1, 0.5, 0.9), Layout):
        allowed = allowed_rows(built.index.items, share, layout, rng)
        found = built.index.search(QUERIES, 20, allowed)
        true = ExactIndex.build(ROWS, VECTORS).search(QUERIES, 20, allowed)
        assert found.rows.shape == true.rows.shape
        assert allowed.has(found.rows.ravel()).all()
        assert (found.scores >= true.scores[:, -1:] - 1e-6).mean() >= 0.99


def test_a_small_catalogue_needs_no_plan_for_filters() -> None:
    assert build(ROWS, VECTORS, QUERIES, Config(k=10)).filters is None


def test_a_kind_that_cannot_win_is_not_climbed_further() -> None:
    kinds = (Kind.IVF_SQ_FP16, Kind.HNSW_SQ_FP16)
    ticks = itertools.count()
    curve = build(ROWS, VECTORS, QUERIES, Config(k=10, exact_up_to=0, kinds=kinds), lambda: float(next(ticks) ** 2))
    efforts = [point.effort for point in curve.report.curve if point.kind == Kind.HNSW_SQ_FP16]
    assert efforts == [EFFORTS[Kind.HNSW_SQ_FP16][0]]


def test_the_clock_is_given() -> None:
    ticks = itertools.count()
    point = build(ROWS, VECTORS, QUERIES, Config(k=5), clock=lambda: float(next(ticks))).report.chosen
    assert (point.build_s, point.us_a_query) == (1.0, 1e6)


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match="'annoy' is unknown; choose from exact"):
        build(ROWS, VECTORS, QUERIES, Config(exact_up_to=0, kinds=("annoy",)))
    with pytest.raises(ValueError, match="0 held-out queries"):
        build(ROWS, VECTORS, QUERIES[:0], Config())
    with pytest.raises(ValueError, match="too few"):
        build(ROWS[:50], VECTORS[:50], QUERIES, Config(exact_up_to=0, kinds=(Kind.PQ_FAST_SCAN,)))
