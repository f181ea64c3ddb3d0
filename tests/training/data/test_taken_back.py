from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from serving.state import EVERYTHING, without
from towers.history import History
from training.data.taken_back import without_taken_back

KINDS = ("play", "thumb_up", "remove_from_history", "reset")


@pytest.mark.parametrize("seed", range(20))
def test_training_forgets_what_serving_forgets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    events = pd.DataFrame(
        {
            "user_id": rng.choice(["ann", "bob"], 40),
            "item_id": rng.choice(["2", "3", "4"], 40),
            "ts_ms": np.arange(40) * 10,
            "event": rng.choice(KINDS, 40, p=[0.5, 0.35, 0.1, 0.05]),
        }
    )
    kept = without_taken_back(events)
    for user, mine in events.groupby("user_id"):
        signs = mine[mine["event"].isin(KINDS[2:])]
        plays = mine[~mine["event"].isin(KINDS[2:])]
        history = History.of(plays["item_id"].to_numpy(np.int64), plays["ts_ms"].to_numpy(np.int64))
        taken_back = [
            (EVERYTHING if event == "reset" else int(item), ts)
            for event, item, ts in zip(signs["event"], signs["item_id"], signs["ts_ms"].tolist(), strict=True)
        ]
        wanted = without(history, taken_back).ts_ms.tolist()
        found = kept[(kept["user_id"] == user) & ~kept["event"].isin(KINDS[2:])]
        assert found["ts_ms"].tolist() == wanted


def test_a_log_without_second_thoughts_stays_as_it_is() -> None:
    events = pd.DataFrame({"user_id": ["a"], "item_id": ["x"], "ts_ms": [1], "event": ["play"]})
    assert without_taken_back(events) is events
