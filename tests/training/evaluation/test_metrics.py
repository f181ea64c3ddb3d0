from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.metrics import (
    coverage,
    gains,
    hits,
    list_ranks,
    mean_interval,
    novelty,
    paired_difference,
    reciprocal_ranks,
    target_ranks,
    top_rows,
)


def nothing_excluded(num_queries: int, num_rows: int) -> np.ndarray:
    return np.zeros((num_queries, num_rows), dtype=np.bool_)


def test_rank_counts_better_items_and_half_of_the_tied() -> None:
    scores = np.array([[5, 4, 3, 2], [1, 1, 1, 1], [2, 9, 2, 0]], dtype=np.float32)
    ranks = target_ranks(scores, np.array([1, 2, 0]), nothing_excluded(3, 4))
    assert ranks.tolist() == [2.0, 2.5, 2.5]


def test_constant_scores_hit_nothing_while_half_the_catalogue_is_ahead() -> None:
    scores = np.zeros((1, 30), dtype=np.float32)
    ranks = target_ranks(scores, np.array([4]), nothing_excluded(1, 30))
    assert hits(ranks, 10).tolist() == [0.0]
    assert hits(ranks, 20).tolist() == [1.0]


def test_excluded_items_do_not_stand_ahead_and_may_hold_any_score() -> None:
    scores = np.array([[np.inf, -np.inf, 3, np.nan, 2]], dtype=np.float32)
    excluded = np.array([[True, True, False, True, False]])
    assert target_ranks(scores, np.array([4]), excluded).tolist() == [2.0]


def test_an_excluded_target_is_never_offered() -> None:
    excluded = np.array([[False, True]])
    ranks = target_ranks(np.array([[1, 2]], dtype=np.float32), np.array([1]), excluded)
    assert ranks.tolist() == [np.inf]
    assert gains(ranks, 100).tolist() == reciprocal_ranks(ranks).tolist() == [0.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [2, 3])
def test_scores_that_are_not_finite_are_refused_by_query_and_row(value: float, row: int) -> None:
    scores = np.ones((4, 5), dtype=np.float32)
    scores[3, row] = value
    with pytest.raises(ValueError, match=rf"query 13: the score of item row {row} is {value}"):
        target_ranks(scores, np.full(4, 2), nothing_excluded(4, 5), first_query=10)


def test_lists_give_the_rank_of_the_target_or_infinity() -> None:
    lists = [np.array([7, 3, 5]), np.array([7, 3, 5]), np.empty(0, dtype=np.int64)]
    assert list_ranks(lists, np.array([5, 9, 2])).tolist() == [3.0, np.inf, np.inf]


@pytest.mark.parametrize(("rows", "message"), [([4, 5, 4], "twice"), ([4, -1], "row -1"), ([0, 4], "row 0")])
def test_lists_with_repeated_or_impossible_rows_are_refused(rows: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=f"query 6.*{message}"):
        list_ranks([np.array(rows)], np.array([4]), first_query=6)


def test_lists_and_scores_agree() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20, 50)).astype(np.float32)
    excluded = rng.random((20, 50)) < 0.3
    targets = np.array([rng.choice(np.flatnonzero(~row)) for row in excluded])
    lists = [row[row > 0] for row in top_rows(scores, excluded | (np.arange(50) < 2), 50)]
    offered = targets >= 2
    whole = target_ranks(scores, targets, excluded | (np.arange(50) < 2))
    assert np.array_equal(list_ranks(lists, targets)[offered], whole[offered])


def test_top_rows_break_ties_by_row_and_pad_short_lists() -> None:
    scores = np.array([[9, 1, 3, 3, 3]], dtype=np.float32)
    excluded = np.array([[True, True, False, False, False]])
    assert top_rows(scores, excluded, 2).tolist() == [[2, 3]]
    assert top_rows(scores, excluded, 5).tolist() == [[2, 3, 4, 0, 0]]


def test_gain_falls_with_the_rank() -> None:
    ranks = np.array([1.0, 2.0, 3.0, 10.0, 11.0, np.inf])
    expected = [1, 1 / np.log2(3), 0.5, 1 / np.log2(11), 0, 0]
    assert gains(ranks, 10) == pytest.approx(expected)
    assert hits(ranks, 10).tolist() == [1, 1, 1, 1, 0, 0]


def test_coverage_and_novelty_of_known_lists() -> None:
    top = np.array([[2, 3], [2, 0]])
    counts = np.array([0, 0, 3, 1, 0, 0])
    assert coverage(top, num_items=4) == 0.5
    shares = np.array([4, 2, 4]) / 8
    assert novelty(top, counts) == pytest.approx(-np.log2(shares).mean())


def test_mean_interval_covers_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    samples = rng.random((400, 500)) < 0.2
    intervals = [mean_interval(sample.astype(float)) for sample in samples]
    covered = np.mean([interval.low <= 0.2 <= interval.high for interval in intervals])
    assert 0.92 <= covered <= 0.98


def test_paired_interval_is_narrower_than_two_separate_ones_and_repeats_with_its_seed() -> None:
    rng = np.random.default_rng(2)
    b = (rng.random(2000) < 0.3).astype(float)
    a = np.where(rng.random(2000) < 0.02, 1.0, b)
    found = paired_difference(a, b, np.random.default_rng(3))
    assert found == paired_difference(a, b, np.random.default_rng(3))
    assert found.low <= found.mean <= found.high
    assert found.low > 0
    assert found.high - found.low < mean_interval(a).high - mean_interval(a).low


def test_paired_interval_agrees_with_the_normal_one() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(0.1, 1, 3000), rng.normal(0, 1, 3000)
    bootstrap, normal = paired_difference(a, b, rng), mean_interval(a - b)
    assert bootstrap.mean == pytest.approx(normal.mean)
    assert (bootstrap.low, bootstrap.high) == pytest.approx((normal.low, normal.high), abs=0.006)


def test_a_paired_difference_refuses_other_queries() -> None:
    with pytest.raises(ValueError, match="same queries"):
        paired_difference(np.ones(3), np.ones(4), np.random.default_rng(0))
