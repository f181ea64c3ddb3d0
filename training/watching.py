"""What a log says of how its viewers watched; agrees with how serving reads live events.

Shapes: E events, W watched titles, V viewers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ranking.watching import DEVICES, SITTING_MS, UNKNOWN, Watching, WatchLog
from serving.page.watching import BEGINS, ENDS, MOST
from towers.schema import EventType
from towers.vocabulary import NUM_RESERVED, Vocabulary
from training.data.histories import share_buckets

MOST_DEVICES: Final = 100
TOLD: Final = tuple(str(event) for event in (*BEGINS, *ENDS, EventType.PAUSE, EventType.NEXT_EPISODE_AUTO))


def watch_log(events: pd.DataFrame, vocabulary: Vocabulary, viewers: Vocabulary) -> WatchLog | None:
    """What the `viewers` watched, in their order; None where the log knows no more than histories do."""
    if not {"device", "companions", "episode"} & set(events.columns):
        return None
    table = events[events["event"].isin(TOLD)]
    who, rows = (_codes(table[name], codes) for name, codes in (("user_id", viewers), ("item_id", vocabulary)))
    who = who - NUM_RESERVED
    known = (who >= 0) & (rows >= NUM_RESERVED)
    table, who, rows = table[known], who[known], rows[known]
    order = np.lexsort((table["ts_ms"].to_numpy(), rows, who))
    return _log(table.iloc[order], who[order], rows[order], len(viewers.encoded))


def _log(table: pd.DataFrame, who: NDArray[np.int64], rows: NDArray[np.int64], num_viewers: int) -> WatchLog:
    """From events by viewer and title, oldest first."""
    ts_ms, kind = table["ts_ms"].to_numpy(np.int64), table["event"].to_numpy()
    begins = np.isin(kind, [str(event) for event in BEGINS])
    play = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    of = np.maximum(play, 0)
    follows = ~begins & (play >= 0)
    follows &= (who == who[first][of]) & (rows == rows[first][of]) & (ts_ms - ts_ms[first][of] <= SITTING_MS)
    episodes, pauses = (
        np.bincount(of[follows & (kind == str(event))], minlength=len(first))
        for event in (EventType.NEXT_EPISODE_AUTO, EventType.PAUSE)
    )
    shares = share_buckets(table)
    ends = np.flatnonzero(follows & np.isin(kind, [str(event) for event in ENDS]) & (shares > 0))
    share = shares[first].copy()
    share[of[ends]] = shares[ends]
    names = _device_names(table)
    begun = table.iloc[first]
    watching = Watching(
        rows=rows[first],
        ts_ms=ts_ms[first],
        episodes=np.minimum(1 + episodes, MOST).astype(np.int8),
        shares=share,
        pauses=np.minimum(pauses, MOST).astype(np.int8),
        devices=_devices(begun, names),
        company=_company(begun),
        hours=_hours(begun),
    )
    order = np.lexsort((watching.ts_ms, who[first]))
    counts = np.bincount(who[first], minlength=num_viewers)
    return WatchLog(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), watching.take(order), names)


def _codes(ids: pd.Series, vocabulary: Vocabulary) -> NDArray[np.int64]:
    codes, distinct = ids.fillna("").factorize()
    rows: NDArray[np.int64] = vocabulary.rows(list(distinct))[codes]
    return rows


def _device_names(table: pd.DataFrame) -> tuple[str, ...]:
    if "device" not in table:
        return DEVICES
    found = table["device"].dropna().astype(str).value_counts().index[:MOST_DEVICES]
    return tuple(sorted(name for name in found if name)) or DEVICES


def _devices(table: pd.DataFrame, names: tuple[str, ...]) -> NDArray[np.int8]:
    if "device" not in table:
        return np.full(len(table), UNKNOWN, dtype=np.int8)
    return np.asarray(pd.Index(names).get_indexer(pd.Index(table["device"])), dtype=np.int8)


def _company(table: pd.DataFrame) -> NDArray[np.int8]:
    if "companions" not in table:
        return np.full(len(table), UNKNOWN, dtype=np.int8)
    companions = table["companions"].fillna("").to_numpy()
    return np.where(companions == "", UNKNOWN, companions != "alone").astype(np.int8)


def _hours(table: pd.DataFrame) -> NDArray[np.int8]:
    """Local hours; of UTC where no offset is known."""
    offset = pd.to_numeric(table["tz_offset"], errors="coerce").fillna(0) if "tz_offset" in table else 0
    minutes = table["ts_ms"].to_numpy(np.int64) // 60_000 + np.asarray(offset, dtype=np.int64)
    return np.asarray(minutes // 60 % 24, dtype=np.int8)
