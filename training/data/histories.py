"""The event table as arrays for the towers: who did what to which item, oldest first.

Shapes: E events of the sorted table, E' of them in the histories, U viewers, C context columns.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from towers.features import FeatureSpec
from towers.history import NUM_SHARE_BUCKETS, Action, Histories
from towers.schema import HISTORY_EVENTS, REQUIRED_COLUMNS, EventType
from towers.vocabulary import UNKNOWN, Vocabulary
from training.data.split import is_target

COMPLETED_SHARE = 0.93
ABANDONED_SHARE = 0.15


def build(
    events: pd.DataFrame, mask: NDArray[np.bool_], vocabulary: Vocabulary
) -> tuple[Histories, Vocabulary, NDArray[np.bool_]]:
    """Histories of the viewers in `mask` [E], the vocabulary of those viewers, and which events [E'] are targets.

    Events that enter no history and items outside the `vocabulary` are left out, and viewers left with nothing.
    Viewer u has row u + 2 of the second vocabulary.
    """
    chosen = order(events, mask, vocabulary)
    part = _told(events, chosen)
    codes, ids = part["user_id"].factorize()
    viewers = Vocabulary.fit(ids)
    offsets = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum(np.bincount(codes, minlength=len(ids)), out=offsets[1:])
    return _histories(part, offsets, vocabulary), viewers, is_target(part)


def order(events: pd.DataFrame, mask: NDArray[np.bool_], vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Positions [E'] in the event table of the events that `build` keeps, in its order: by viewer, oldest first."""
    kept = np.flatnonzero(mask & _enters_history(events, vocabulary))
    codes, ids = events["user_id"].iloc[kept].factorize()
    viewers = Vocabulary.fit(ids).rows(list(ids))
    return kept[np.argsort(viewers[codes], kind="stable")]


def before(events: pd.DataFrame, positions: NDArray[np.int64], vocabulary: Vocabulary) -> Histories:
    """Histories of one viewer a position [U]: what that event's viewer did at earlier positions of the table."""
    start_of_user = events["user_id"].factorize()[0].astype(np.int64) * len(events)
    kept = np.flatnonzero(_enters_history(events, vocabulary))
    keys = np.sort(start_of_user[kept] + kept)
    first = np.searchsorted(keys, start_of_user[positions])
    end = np.searchsorted(keys, start_of_user[positions] + positions)
    offsets = np.concatenate([[0], np.cumsum(end - first)]).astype(np.int64)
    places = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], end - first)
    return _histories(_told(events, keys[places] % len(events)), offsets, vocabulary)


def context_codes(events: pd.DataFrame, mask: NDArray[np.bool_], spec: FeatureSpec) -> NDArray[np.int64]:
    """Codes [E', C] of the moments of the events that `build` keeps, as `FeatureSpec.context_codes` gives them."""
    return codes_at(events, order(events, mask, spec.vocabulary), spec)


def codes_at(events: pd.DataFrame, positions: NDArray[np.int64], spec: FeatureSpec) -> NDArray[np.int64]:
    """Codes [len(positions), C] of the moments of the events at these positions of the table."""
    codes = np.zeros((len(positions), len(spec.context_sizes)), dtype=np.int64)
    codes[:, :2] = spec.clock_codes(events["ts_ms"].to_numpy()[positions])
    for c, name in enumerate(spec.columns):
        if name in events:
            places, values = events[name].factorize()
            known = pd.Index((spec.context_values or {})[name], dtype="str")
            code_of = np.append(known.get_indexer(pd.Index(values)) + 1, 0)
            codes[:, 2 + c] = code_of[places[positions]]
    return codes


def actions(events: pd.DataFrame) -> NDArray[np.int8]:
    """Action [E] of each event; what the viewer said goes before what the watch time suggests."""
    event, share = events["event"], _watched_share(events)
    liked = _numbers(events, "liked")
    rules = (
        (Action.LIKED, (event == EventType.THUMB_UP) | (liked == 1)),
        (Action.DISLIKED, event.isin([str(EventType.THUMB_DOWN), str(EventType.NOT_INTERESTED)]) | (liked == 0)),
        (Action.COMPLETED, (event == EventType.COMPLETE) | (share >= COMPLETED_SHARE)),
        (Action.ABANDONED, share < ABANDONED_SHARE),
        (Action.LISTED, event == EventType.LIST_ADD),
        (Action.PURCHASED, event == EventType.PURCHASE),
        (Action.CHOSEN, is_target(events)),
    )
    conditions = [np.asarray(condition, dtype=np.bool_) for _, condition in rules]
    return np.select(conditions, [action for action, _ in rules], default=Action.UNKNOWN).astype(np.int8)


def share_buckets(events: pd.DataFrame) -> NDArray[np.int8]:
    """Bucket [E] of the watched share, 0 where unknown; see `towers.history`."""
    share = _watched_share(events)
    buckets = np.clip(1 + np.floor(10 * np.nan_to_num(share)), 1, NUM_SHARE_BUCKETS - 1)
    return np.where(np.isnan(share), 0, buckets).astype(np.int8)


def _told(events: pd.DataFrame, positions: NDArray[np.int64]) -> pd.DataFrame:
    """The rows at the positions, with the columns that histories are made of."""
    names = [name for name in (*REQUIRED_COLUMNS, "event", "liked", "watch_s", "duration_s") if name in events]
    return events[names].iloc[positions]


def _histories(part: pd.DataFrame, offsets: NDArray[np.int64], vocabulary: Vocabulary) -> Histories:
    rows = _item_rows(part, vocabulary)
    return Histories(offsets, rows, part["ts_ms"].to_numpy(dtype=np.int64), actions(part), share_buckets(part))


def _enters_history(events: pd.DataFrame, vocabulary: Vocabulary) -> NDArray[np.bool_]:
    is_told = events["event"].isin([str(event) for event in HISTORY_EVENTS]).to_numpy(dtype=np.bool_)
    enters: NDArray[np.bool_] = is_told & (_item_rows(events, vocabulary) != UNKNOWN)
    return enters


def _item_rows(events: pd.DataFrame, vocabulary: Vocabulary) -> NDArray[np.int64]:
    codes, ids = events["item_id"].factorize()
    rows: NDArray[np.int64] = vocabulary.rows(list(ids))[codes]
    return rows


def _watched_share(events: pd.DataFrame) -> NDArray[np.float64]:
    watch_s, duration_s = _numbers(events, "watch_s"), _numbers(events, "duration_s")
    share = np.full(len(events), np.nan)
    np.divide(watch_s, duration_s, out=share, where=duration_s > 0)
    return share


def _numbers(events: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return events[name].to_numpy(dtype=np.float64) if name in events else np.full(len(events), np.nan)
