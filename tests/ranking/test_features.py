"""What the ranker sees: by definition, finite for every history, and alike in any company."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ranking import candidate_features, request_features
from ranking.features import RANKS, FeatureConfig, Features, new_groups
from ranking.moment import Moment
from ranking.signals import LiveSignals
from ranking.slates import SlateModel
from tests.ranking.moments import NUM_ROWS, SIZES, START_MS, moment, vectors
from towers.bag import BagTables
from towers.history import EMPTY_HISTORY, Action, History

SOURCES = ("towers", "rules")
HOUR_MS = 3_600_000


def features(*without: str) -> Features:
    return Features(FeatureConfig(without), SOURCES, ("device",), SIZES)


def column(given: Moment, name: str, *rows: int) -> list[float]:
    """One candidate feature of the rows."""
    every = features()
    ranks = np.zeros((len(rows), 2), dtype=np.int64)
    found = every(given, np.array(rows), ranks).candidates
    return [float(value) for value in found[:, every.names(given).index(name)]]


def history(*rows: int, at_ms: int = START_MS - 1000) -> History:
    return History.of(np.array(rows), at_ms + np.arange(len(rows)))


def test_candidate_features_follow_their_definitions() -> None:
    given = moment(history(4, 2))
    similar = vectors()[[3, 4, 8]] @ vectors()[2]
    assert column(given, "tower_score", 3, 4, 8) == pytest.approx(similar.tolist(), abs=1e-6)
    assert column(given, "has_vector", 3, 4, 8) == [1, 1, 0]
    assert column(given, "rules_log", 3, 4, 8) == pytest.approx(np.log1p([50, 25, 0]))
    assert column(given, "rules_share", 3, 4, 8) == pytest.approx([1, 0.5, 0])
    assert column(given, "similarity_last", 3, 4, 8) == pytest.approx(similar.tolist(), abs=1e-6)
    assert column(given, "times_had_log", 3, 4, 2) == pytest.approx([0, np.log(2), np.log(2)])


def test_what_viewers_also_chose_counts_by_age() -> None:
    given = moment(history(3, 2))
    for name in ("item_knn", "ease"):
        assert column(given, f"{name}_log", 7, 6, 5) == pytest.approx(np.log1p([100, 50, 0]))
        assert column(given, f"{name}_share", 7, 6, 5) == pytest.approx([1, 0.5, 0])
    without = replace(given, item_knn=None, ease=None)
    assert not {"item_knn_log", "ease_log"} & set(features().names(without))


def test_a_log_that_stands_still_does_not_age() -> None:
    signals = LiveSignals(LiveSignals.Config(), NUM_ROWS, SIZES, has_clock=True)
    for hours, row in ((3, 5), (0, 6)):
        signals.choose("bob", row, START_MS - hours * HOUR_MS, np.array([1, 1, 1]), EMPTY_HISTORY)
    rows, ranks, every = np.array([5, 6, 7]), np.zeros((3, 2), dtype=np.int64), features()
    at_once, a_year_later = (
        every(moment(at_ms=START_MS + late, signals=signals), rows, ranks) for late in (0, 365 * 24 * HOUR_MS)
    )
    np.testing.assert_array_equal(at_once.candidates, a_year_later.candidates)


def test_live_features_follow_their_definitions() -> None:
    signals = LiveSignals(LiveSignals.Config(), NUM_ROWS, SIZES, has_clock=True)
    phone, tv = np.array([1, 1, 1]), np.array([1, 1, 2])
    signals.choose("bob", 5, START_MS - HOUR_MS, phone, EMPTY_HISTORY)
    signals.choose("bob", 6, START_MS, tv, history(2))
    signals.show("ann", 3, START_MS)
    given = moment(history(2), signals=signals)
    assert column(given, "popularity_hour", 5, 6) == pytest.approx(np.log([1 / 3, 2 / 3]))
    assert column(given, "age_h_log", 5, 6, 7) == pytest.approx([np.log(2), 0, 0])
    assert column(given, "is_unseen", 5, 6, 7) == [0, 0, 1]
    assert column(given, "live_last_log", 5, 6) == pytest.approx(np.log([1e-4, 1 + 1e-4]))
    assert column(given, "segment_0", 6)[0] > 0 > column(given, "segment_0", 5)[0]
    assert column(given, "passed_log", 3, 4) == pytest.approx([np.log(2), 0])


def test_what_became_of_similar_items_counts_apart() -> None:
    actions = np.array([Action.LIKED, Action.DISLIKED], dtype=np.int8)
    past = History.of(np.array([3, 4]), np.array([START_MS - 2, START_MS - 1]), actions)
    similar = vectors()[5] @ vectors()[[3, 4]].T
    assert column(moment(past), "similarity_liked", 5) == pytest.approx([similar[0]], abs=1e-6)
    assert column(moment(past), "similarity_disliked", 5) == pytest.approx([similar[1]], abs=1e-6)


def test_a_session_ends_with_a_long_pause() -> None:
    times = START_MS - np.array([3 * HOUR_MS, HOUR_MS // 4, HOUR_MS // 10])
    given = moment(History.of(np.array([2, 3, 4]), times))
    assert given.session.rows.tolist() == [3, 4]
    assert len(moment(History.of(np.array([2]), times[:1])).session.rows) == 0


@pytest.mark.parametrize("past", [EMPTY_HISTORY, history(2), history(8, 8, 2, at_ms=START_MS + 5000)])
@pytest.mark.parametrize("rows", [np.array([2, 7, 8]), np.empty(0, dtype=np.int64)])
def test_features_are_finite_whatever_is_missing(past: History, rows: NDArray[np.int64]) -> None:
    every, given = features(), moment(past)
    found = every(given, rows, np.zeros((len(rows), 2), dtype=np.int64))
    assert found.candidates.shape == (len(rows), len(every.names(given)))
    assert found.request.shape == (len(every.request_names(given)),)
    assert all(np.isfinite(part).all() for part in found)


def test_a_candidate_is_seen_alike_in_any_company() -> None:
    given, ranks = moment(history(2, 3)), np.array([[0, 3], [1, 4], [2, 5]])
    together = features()(given, np.array([3, 8, 5]), ranks).candidates[0]
    alone = features()(given, np.array([3]), ranks[:1]).candidates[0]
    np.testing.assert_allclose(alone, together, rtol=1e-6)


def test_every_group_can_be_left_out_alone() -> None:
    given = moment(history(2, 3))
    every = {*features().names(given), *features().request_names(given)}
    parts = []
    groups = {*candidate_features.GROUPS, *request_features.GROUPS, request_features.CONTEXT, RANKS}
    for group in sorted(groups - {"watching", "bag", "lengths", "behaviour"}):
        less = features(group)
        parts.append(every - {*less.names(given), *less.request_names(given)})
        assert parts[-1]
    assert set.union(*parts) == every
    assert sum(len(part) for part in parts) == len(every)


def test_a_group_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="no group of features is called 'weather'"):
        FeatureConfig(("weather",))


def test_one_hot_codes_stand_at_their_names() -> None:
    given = moment()
    names = features().request_names(given)
    found = features()(given, np.array([2]), np.zeros((1, 2), dtype=np.int64)).request
    hot = [name for name, value in zip(names, found, strict=True) if "=" in name and value == 1]
    assert hot == ["hour=1", "weekday=1", "device=2"]


def test_a_ranker_is_spared_groups_that_are_newer_than_it() -> None:
    given = moment(history(2, 3))
    names = (*features().names(given), *features().request_names(given))
    assert new_groups(given, names) == ()
    older = tuple(name for name in names if not name.startswith(("leaning", "passed", "rate")))
    assert new_groups(given, older) == ("exposure", "leaning")
    assert new_groups(given, tuple(name for name in names if name != "leaning")) == ()


def test_a_bag_speaks_whatever_the_order_and_not_for_what_was_given_up() -> None:
    tables = BagTables(np.eye(NUM_ROWS - 1, dtype=np.float32), np.arange(64, dtype=np.float32).reshape(8, 8))
    known = np.array([3, 7, 8])
    assert candidate_features.bag(moment(history(2, 3)), known) == {}
    found, turned = (
        candidate_features.bag(replace(moment(history(*rows)), bag=tables), known)["bag_score"]
        for rows in ((2, 5, 2), (5, 2))
    )
    assert found.tolist() == turned.tolist() == [26 + 29, 58 + 61, 0]
    left = history(2, 5)._replace(actions=np.array([Action.CHOSEN, Action.ABANDONED], dtype=np.int8))
    spoken = candidate_features.bag(replace(moment(left), bag=tables), known)["bag_score"]
    assert spoken.tolist() == [26, 58, 0]


def test_what_is_watched_is_a_feature_only_where_the_log_taught_it() -> None:
    known = np.array([3, 5])
    assert candidate_features.watching(moment(history(2, 3)), known) == {}
    bias = np.arange(NUM_ROWS, dtype=np.float32)
    nothing = {"action_weight": np.zeros(12), "share_weight": np.zeros(12), "action_token": np.zeros((12, 1))}
    model = SlateModel(
        items=np.zeros((NUM_ROWS, 1), dtype=np.float32),
        bias=bias,
        share_token=np.zeros((12, 1), dtype=np.float32),
        kinds=np.zeros((2, 1), dtype=np.float32),
        kinds_bias=np.zeros(1, dtype=np.float32),
        centres=np.zeros((1, 1), dtype=np.float32),
        centres_bias=np.zeros(1, dtype=np.float32),
        context=np.zeros((40, 1), dtype=np.float32),
        context_offsets=np.zeros(3, dtype=np.int64),
        max_length=10,
        **{name: array.astype(np.float32) for name, array in nothing.items()},
    )
    taught = replace(moment(history(2, 3)), watching=model)
    assert set(features().names(taught)) - set(features().names(moment())) == {candidate_features.WATCH_SCORE}
    assert candidate_features.watching(taught, known)[candidate_features.WATCH_SCORE].tolist() == [3.0, 5.0]
