"""No later event reaches training, whatever the split and the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towers.schema import CheckReport
from training.data import Dataset
from training.data.split import Split, SplitConfig, is_target, leave_one_out, split, split_by_time, targets

EVENTS = ["play", "click", "impression", "thumb_down", "rating"]


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Small event tables in time order with many equal times."""
    rows = st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.sampled_from(EVENTS))
    drawn = sorted(draw(st.lists(rows, min_size=1, max_size=40)), key=lambda row: row[1])
    users, times, events = zip(*drawn, strict=True)
    items = [f"i{n % 5}" for n in range(len(drawn))]
    frame = pd.DataFrame({"user_id": users, "item_id": items, "ts_ms": times, "event": events})
    return frame.astype({"ts_ms": "int64", "user_id": "str", "item_id": "str", "event": "str"})


def is_partition(found: Split) -> bool:
    return bool((found.train.astype(int) + found.val + found.test == 1).all())


@given(tables(), st.floats(0.01, 0.4), st.floats(0, 0.4))
def test_a_time_split_parts_by_time_alone(events: pd.DataFrame, val_share: float, test_share: float) -> None:
    try:
        found = split_by_time(events, SplitConfig(val_share=val_share, test_share=test_share))
    except ValueError as error:
        assert "learn from" in str(error) or "val_share" in str(error)  # noqa: PT017
        return
    ts_ms = events["ts_ms"].to_numpy()
    assert is_partition(found)
    assert found.train.any()
    assert found.val.any()
    assert ts_ms[found.train].max() < ts_ms[found.val].min()
    assert found.test.any() == (test_share > 0)
    assert ts_ms[found.val].max() < ts_ms[found.test].min(initial=100)
    assert found.description["trained_until_ms"] == ts_ms[found.train].max()


@given(tables(), st.booleans())
def test_leave_one_out_never_trains_on_what_came_after(events: pd.DataFrame, has_test: bool) -> None:
    found = leave_one_out(events, SplitConfig(test=has_test))
    assert is_partition(found)
    target = is_target(events)
    for user in events["user_id"].unique():
        place = np.flatnonzero(events["user_id"] == user)
        counted = place[target[place]]
        held_out = 0 if len(counted) < 3 else 2 if has_test else 1
        kept, held = np.split(counted, [len(counted) - held_out])
        assert found.train[kept].all(), user
        assert found.val[held[:1]].all()
        assert found.test[held[1:]].all()
        assert found.train[place].tolist() == [held_out == 0 or position < held[0] for position in place]


@given(tables(), st.sampled_from(["last", "random"]), st.integers(0, 3))
def test_one_target_a_viewer_from_the_part_alone(events: pd.DataFrame, name: str, seed: int) -> None:
    part = np.arange(len(events)) % 2 == 1
    found = targets(events, part, np.random.default_rng(seed), name)
    eligible = part & is_target(events)
    assert eligible[found.positions].all()
    assert set(found.user_ids) == set(events["user_id"][eligible])
    assert len(set(found.user_ids)) == len(found.user_ids)
    assert events["user_id"].iloc[found.positions].tolist() == list(found.user_ids)
    if name == "last":
        later = [eligible[p + 1 :] & (events["user_id"][p + 1 :] == events["user_id"][p]) for p in found.positions]
        assert not any(mask.any() for mask in later)


def test_the_last_two_events_of_a_viewer_are_held_out() -> None:
    frame = pd.DataFrame({"user_id": list("aabaab"), "ts_ms": range(6), "event": "play"})
    found = leave_one_out(frame, SplitConfig())
    assert np.flatnonzero(found.val).tolist() == [3]
    assert np.flatnonzero(found.test).tolist() == [4]


def test_shares_are_met_where_times_differ() -> None:
    frame = pd.DataFrame({"user_id": "a", "ts_ms": np.arange(100) * 86_400_000, "event": "play"})
    found = split_by_time(frame, SplitConfig(val_share=0.1, test_share=0.2))
    assert [int(part.sum()) for part in (found.train, found.val, found.test)] == [70, 10, 20]
    assert found.description["test_from"] == "1970-03-22T00:00:00+00:00"


def test_random_targets_are_spread_and_repeat_with_the_seed() -> None:
    frame = pd.DataFrame({"user_id": np.repeat(np.arange(200), 10).astype(str), "event": "play"})
    everything = np.ones(len(frame), dtype=bool)
    first = targets(frame, everything, np.random.default_rng(1), "random").positions
    again = targets(frame, everything, np.random.default_rng(1), "random").positions
    np.testing.assert_array_equal(first, again)
    assert np.bincount(first % 10, minlength=10).min() > 5


def test_several_targets_of_a_viewer_are_the_newest_ones() -> None:
    frame = pd.DataFrame({"user_id": list("aabaab"), "event": "play"})
    found = targets(frame, np.ones(6, dtype=bool), per_viewer=3)
    assert found.positions.tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("has_clock", "name"), [(True, "time"), (False, "leave_one_out")])
def test_auto_follows_the_clock(has_clock: bool, name: str, caplog: pytest.LogCaptureFixture) -> None:
    frame = pd.DataFrame({"user_id": ["a"] * 10, "ts_ms": np.arange(10) * 10**11, "event": "play"})
    dataset = Dataset(frame, None, None, "", has_clock, 1000.0, CheckReport(10, 10, {}))
    with caplog.at_level("INFO"):
        assert split(dataset, SplitConfig()).description["split"] == name
    assert f"so the split is {name}" in caplog.text


def test_senseless_options_are_refused() -> None:
    with pytest.raises(ValueError, match="'weekly'; choose auto, time or leave_one_out"):
        SplitConfig(name="weekly")
    with pytest.raises(ValueError, match=r"val_share is 0\.5, test_share 0\.5"):
        SplitConfig(val_share=0.5, test_share=0.5)
    frame = pd.DataFrame({"user_id": ["a"], "event": ["play"]})
    with pytest.raises(ValueError, match="needs rng"):
        targets(frame, np.array([True]), name="random")
