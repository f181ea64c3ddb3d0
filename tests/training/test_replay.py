from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from serving.events import action_of, share_bucket
from towers.schema import EventType
from training.data.histories import actions, share_buckets
from training.replay import in_time_order


def test_serving_reads_an_event_as_training_does() -> None:
    """Every event type with every kind of like and watched share."""
    nan = float("nan")
    watched = [(nan, nan), (0, 100), (14, 100), (50, 100), (93, 100), (250, 100), (5, 0), (5, nan)]
    rows = list(itertools.product(EventType, [nan, 0.0, 1.0], watched))
    table = pd.DataFrame(
        {
            "user_id": "u",
            "item_id": "i",
            "ts_ms": np.arange(len(rows)),
            "event": [str(event) for event, _, _ in rows],
            "liked": [liked for _, liked, _ in rows],
            "watch_s": [float(watch) for _, _, (watch, _) in rows],
            "duration_s": [float(duration) for _, _, (_, duration) in rows],
        }
    )
    events = list(in_time_order(table))
    assert [action_of(event) for event in events] == actions(table).tolist()
    assert [share_bucket(event) for event in events] == share_buckets(table).tolist()


def test_events_come_in_time_order_and_equal_times_in_file_order() -> None:
    table = pd.DataFrame(
        {"user_id": list("abcd"), "item_id": "i", "ts_ms": [5, 1, 5, 1], "event": "click", "session_id": "s"}
    )
    assert "".join(event.user_id for event in in_time_order(table)) == "bdac"
