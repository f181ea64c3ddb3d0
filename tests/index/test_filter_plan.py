"""Where brute force ends and the index takes over, under filters."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from index import FaissIndex, Kind
from index.faiss_index import Config
from index.filter_plan import SHARES, Layout, Way, allowed_rows, plan

N, D = 3000, 16
DRAWN = np.random.default_rng(0).normal(size=(N, D))
VECTORS = (DRAWN / np.linalg.norm(DRAWN, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def index() -> FaissIndex:
    return FaissIndex.build(np.arange(2, N + 2), VECTORS, Config(Kind.IVF_SQ_FP16, effort=8, k=10, exact_allowed=77))


def clock(brute_force_s: float, index_s: float) -> Callable[[], float]:
    """The two ways are timed in turn."""
    steps = itertools.cycle((0.0, brute_force_s, 0.0, index_s))
    return itertools.accumulate(steps).__next__


def test_brute_force_takes_everything_where_it_is_faster(index: FaissIndex) -> None:
    planned = plan(index, VECTORS[:40], 0.9, clock(1.0, 2.0))
    assert planned.index.config.exact_allowed == planned.report.exact_allowed == int(np.sqrt(SHARES[-1]) * N)
    assert {point.us_a_query for point in planned.report.points} == {1e6, 2e6}


def test_the_index_takes_over_from_the_first_share_that_it_searches_well(index: FaissIndex) -> None:
    planned = plan(index, VECTORS[:40], 0.9, clock(2.0, 1.0))
    assert planned.report.exact_allowed == 0


def test_brute_force_takes_what_the_index_searches_badly(index: FaissIndex) -> None:
    assert plan(index, VECTORS[:40], 1.1, clock(2.0, 1.0)).report.exact_allowed == N


def test_every_share_layout_and_way_is_measured(index: FaissIndex) -> None:
    points = plan(index, VECTORS[:40], 0.9, clock(1.0, 1.0)).report.points
    assert {(p.share, p.layout, p.way) for p in points} == set(itertools.product(SHARES, Layout, Way))


@pytest.mark.parametrize("layout", Layout)
def test_filters_allow_the_share_asked_for(index: FaissIndex, layout: Layout) -> None:
    rng = np.random.default_rng(0)
    assert len(allowed_rows(index.items, 0.1, layout, rng)) == N // 10
    assert len(allowed_rows(index.items, 1e-9, layout, rng)) == 1


def test_gathered_items_are_near_each_other(index: FaissIndex) -> None:
    rng = np.random.default_rng(0)
    likeness = {}
    for layout in Layout:
        chosen = index.items.vectors[index.items.places(allowed_rows(index.items, 0.02, layout, rng))]
        likeness[layout] = float((chosen @ chosen.T).mean())
    assert likeness[Layout.GATHERED] > likeness[Layout.SPREAD] + 0.05
