"""Histories hold what their viewers did, in order, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from towers.features import FeatureSpec
from towers.history import Action
from towers.vocabulary import NUM_RESERVED, Vocabulary
from training.data.histories import actions, before, build, context_codes, order, share_buckets

VOCABULARY = Vocabulary.fit(["x", "y", "z"])


def events(num: int = 200, seed: int = 0) -> pd.DataFrame:
    """Random events in time order, some of unknown items and of kinds that enter no history."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "user_id": rng.choice(["u10", "u9", "v", "w"], num),
            "item_id": rng.choice(["x", "y", "z", "unknown", ""], num),
            "ts_ms": np.sort(rng.integers(1_500_000_000_000, 1_500_900_000_000, num)),
            "event": rng.choice(["play", "click", "impression", "thumb_down", "search"], num),
            "device": rng.choice(["tv", "phone", "fridge"], num),
        }
    )
    return frame.astype({"user_id": "str", "item_id": "str", "event": "str", "device": "str"})


def told(frame: pd.DataFrame) -> pd.DataFrame:
    """The events that enter a history, by the plainest means."""
    return frame[frame["event"].isin(["play", "click", "thumb_down"]) & frame["item_id"].isin(["x", "y", "z"])]


def test_each_viewer_has_exactly_their_events_oldest_first() -> None:
    frame = events()
    mask = np.arange(len(frame)) < 150
    histories, viewers, is_target = build(frame, mask, VOCABULARY)
    expected = told(frame[mask])
    assert viewers.num_rows - NUM_RESERVED == histories.num_viewers == expected["user_id"].nunique()
    for user, part in expected.groupby("user_id"):
        history = histories.of(int(viewers.rows([str(user)])[0]) - NUM_RESERVED)
        assert VOCABULARY.ids(history.rows) == part["item_id"].tolist()
        assert history.ts_ms.tolist() == part["ts_ms"].tolist()
    chosen = frame.iloc[order(frame, mask, VOCABULARY)]
    assert is_target.tolist() == (chosen["event"] != "thumb_down").tolist()
    assert histories.ts_ms.tolist() == chosen["ts_ms"].tolist()


def test_equal_times_keep_the_order_of_the_table() -> None:
    frame = pd.DataFrame({"user_id": "u", "item_id": ["y", "x", "z"], "ts_ms": 5, "event": "play"})
    histories, _, _ = build(frame, np.ones(3, dtype=bool), VOCABULARY)
    assert VOCABULARY.ids(histories.rows) == ["y", "x", "z"]


def test_nothing_to_tell_gives_no_viewers() -> None:
    histories, viewers, is_target = build(events(), np.zeros(200, dtype=bool), VOCABULARY)
    assert histories.num_viewers == len(is_target) == 0
    assert viewers.num_rows == NUM_RESERVED


def test_a_history_before_a_position_ends_there() -> None:
    frame = events()
    positions = np.array([199, 0, 57, 58, 120])
    histories = before(frame, positions, VOCABULARY)
    assert histories.num_viewers == len(positions)
    for q, position in enumerate(positions):
        earlier = told(frame.iloc[:position])
        expected = earlier[earlier["user_id"] == frame["user_id"].iloc[position]]
        assert histories.of(q).ts_ms.tolist() == expected["ts_ms"].tolist()
        assert VOCABULARY.ids(histories.of(q).rows) == expected["item_id"].tolist()


def test_context_codes_are_those_of_the_feature_spec() -> None:
    frame = events()
    frame.loc[3:5, "device"] = None
    mask = np.ones(len(frame), dtype=bool)
    spec = FeatureSpec(VOCABULARY, 10, context_values={"device": ("phone", "tv"), "os": ("a",)})
    part = frame.iloc[order(frame, mask, VOCABULARY)]
    requests = [{} if pd.isna(device) else {"device": device} for device in part["device"]]
    expected = spec.context_codes(part["ts_ms"].to_numpy(), requests)
    np.testing.assert_array_equal(context_codes(frame, mask, spec), expected)
    assert set(expected[:, 2]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("event", "values", "action"),
    [
        ("play", {}, Action.CHOSEN),
        ("rating", {"liked": 1}, Action.LIKED),
        ("rating", {"liked": 0}, Action.DISLIKED),
        ("thumb_up", {}, Action.LIKED),
        ("thumb_down", {"watch_s": 100, "duration_s": 100}, Action.DISLIKED),
        ("not_interested", {}, Action.DISLIKED),
        ("complete", {}, Action.COMPLETED),
        ("play", {"watch_s": 93, "duration_s": 100}, Action.COMPLETED),
        ("play", {"watch_s": 92, "duration_s": 100}, Action.CHOSEN),
        ("play", {"watch_s": 14, "duration_s": 100}, Action.ABANDONED),
        ("play", {"watch_s": 14, "duration_s": 0}, Action.CHOSEN),
        ("list_add", {}, Action.LISTED),
        ("purchase", {}, Action.PURCHASED),
        ("impression", {}, Action.UNKNOWN),
    ],
)
def test_the_action_says_what_became_of_the_item(event: str, values: dict[str, float], action: Action) -> None:
    columns = {"liked": np.nan, "watch_s": np.nan, "duration_s": np.nan} | values
    frame = pd.DataFrame([{"event": event} | columns]).astype({"event": "str"})
    assert actions(frame).tolist() == [action]
    if not values:
        assert actions(frame[["event"]]).tolist() == [action]


def test_the_share_falls_into_tenths_and_unknown_is_zero() -> None:
    watched = [0, 9, 10, 99, 100, 500, np.nan, 10]
    frame = pd.DataFrame({"event": "play", "watch_s": watched, "duration_s": [100.0] * 7 + [0]})
    assert share_buckets(frame).tolist() == [1, 1, 2, 10, 11, 11, 0, 0]
    assert share_buckets(frame[["event"]]).tolist() == [0] * 8
