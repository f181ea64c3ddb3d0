"""Leaves out what viewers took back: all before a reset, and a title's events before it was removed from the history.

Shapes: E events.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from towers.schema import EventType


def without_taken_back(events: pd.DataFrame) -> pd.DataFrame:
    """The events [E] in time order that still count; agrees with `serving.state.without`."""
    resets = events.loc[events["event"] == str(EventType.RESET)]
    removals = events.loc[events["event"] == str(EventType.REMOVE_FROM_HISTORY)]
    if len(resets) == 0 and len(removals) == 0:
        return events
    counts = _is_later(events, resets, ["user_id"]) & _is_later(events, removals, ["user_id", "item_id"])
    return events.loc[counts].reset_index(drop=True)


def _is_later(events: pd.DataFrame, taken_back: pd.DataFrame, keys: list[str]) -> NDArray[np.bool_]:
    """Whether each event came after the newest taking back with its keys, or is that itself."""
    newest = taken_back[[*keys, "ts_ms"]].drop_duplicates(keys, keep="last")
    until = events[keys].merge(newest, on=keys, how="left")["ts_ms"].to_numpy(np.float64)
    is_sign = events["event"].isin([str(EventType.RESET), str(EventType.REMOVE_FROM_HISTORY)]).to_numpy()
    return np.asarray(np.isnan(until) | (events["ts_ms"].to_numpy() > until) | is_sign)
