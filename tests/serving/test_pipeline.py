from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.exact import ExactIndex
from index.row_set import RowSet
from index.topk import Candidates
from ranking.signals import HOUR, LiveSignals
from serving.filters import Allow, Block
from serving.pipeline import Request, Stages, behind, eligible, join, take
from serving.sources import PopularSource, standard_sources
from tests.ranking.moments import NUM_ROWS, SIZES, START_MS, moment, vectors
from towers.history import EMPTY_HISTORY

ROWS = np.arange(2, 12, dtype=np.int64)

some_rows = st.lists(st.integers(2, 11), max_size=12).map(lambda rows: np.array(rows, dtype=np.int64))


def candidates(rows: NDArray[np.int64]) -> Candidates:
    return Candidates(rows, -np.arange(len(rows), dtype=np.float32), np.zeros(len(rows), np.int8))


@settings(deadline=None)
@given(some_rows)
def test_filters_part_the_candidates(rows: NDArray[np.int64]) -> None:
    for each in (Block("block", rows), Allow("allow", rows, len(ROWS))):
        kept = ROWS[each.keeps(ROWS)]
        assert len(ROWS) - len(kept) == each.num_removable
        assert each.narrow(RowSet.of(ROWS)).rows.tolist() == kept.tolist()
    assert set(ROWS[Block("block", rows).keeps(ROWS)]) == set(ROWS) - set(rows)
    assert set(ROWS[Allow("allow", rows, len(ROWS)).keeps(ROWS)]) == set(rows)


def test_few_removable_items_are_over_fetched_and_many_are_listed() -> None:
    filters = [Block("seen", np.array([2, 3])), Block("exclude", np.array([3, 4]))]
    assert eligible(filters, lambda: RowSet.of(ROWS), max_overfetch=4) == (None, 4)
    allowed, overfetch = eligible(filters, lambda: RowSet.of(ROWS), max_overfetch=3)
    assert allowed is not None
    assert allowed.rows.tolist() == list(range(5, 12))
    assert overfetch == 0


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=8), st.floats(-1e3, 1e3, width=32))
def test_what_follows_a_list_scores_below_it(scores: list[float], floor: float) -> None:
    given_scores = np.sort(np.array(scores, dtype=np.float32))[::-1]
    moved = behind(floor, given_scores)
    assert moved.dtype == np.float32
    assert np.all(moved < floor)
    assert np.all(np.diff(moved) <= 0)


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=3, max_size=30), st.integers(0, 40), some_rows)
def test_the_popular_source_equals_a_stable_sort(weights: list[int], count: int, allowed: NDArray[np.int64]) -> None:
    popularity = np.array([0, 0, *weights], dtype=np.float64)
    allowed = np.unique(allowed[allowed < len(popularity)])
    request = Request(moment(), popularity)
    best = sorted(range(2, len(popularity)), key=lambda row: (-popularity[row], row))
    assert PopularSource().propose(request, count).rows.tolist() == best[:count]
    restricted = [row for row in best if row in allowed]
    assert PopularSource().propose(request, count, allowed).rows.tolist() == restricted[:count]


def test_stages_measure_the_time_since_the_one_before() -> None:
    ticks = iter([0.0, 0.5, 2.0])
    stages = Stages(lambda: next(ticks))
    stages.note("first", 3, 1)
    stages.note("second", 2)
    assert [tuple(report) for report in stages.reports] == [("first", 3, 1, 500.0), ("second", 2, 0, 1500.0)]


def test_join_and_take_keep_arrays_parallel() -> None:
    both = join(candidates(ROWS[:2]), candidates(ROWS[5:]))
    assert take(both, slice(1, 3)).rows.tolist() == [3, 7]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(2, 8), st.integers(0, 300), st.integers(0, 12)), max_size=12))
def test_a_standing_order_is_that_of_the_moment(acts: list[tuple[int, int, int]]) -> None:
    signals = LiveSignals(LiveSignals.Config(), NUM_ROWS, SIZES, has_clock=True)
    standing = standard_sources(ExactIndex.build(np.arange(2, NUM_ROWS), vectors()[2:]))
    for row, second, count in acts:
        signals.choose("ann", row, START_MS + 1000 * second, np.array([1, 1, 0]), EMPTY_HISTORY)
        asked = Request(moment(signals=signals), np.zeros(NUM_ROWS))
        for name, scores in (("trending", asked.moment.velocity(HOUR)), ("new", asked.moment.first_ms)):
            found = standing[name].propose(asked, count)
            best = sorted(np.flatnonzero(scores > 0).tolist(), key=lambda row: (-scores[row], row))
            assert found.rows.tolist() == best[:count]
            assert found.scores.tolist() == scores[best[:count]].astype(np.float32).tolist()
