"""A table under our column names, of whatever types, becomes the event table that the checks read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from towers.checks import as_ids, as_text
from towers.schema import EventType
from training.data.columns import renamed
from training.data.times import parse_times

logger = logging.getLogger(__name__)

SCALES: Final = (1.0, 5.0, 10.0, 100.0)
"""Tops of the usual rating scales."""

LIKED_SHARE: Final = 0.8
"""A rating is a like from this share of its scale: 4 of 5 stars, 8 of 10 points."""

NUMERIC: Final = ("rating", "liked", "watch_s", "duration_s")
"""Columns of an event table that hold numbers."""

_WORDS: Final = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


class RawEvents(NamedTuple):
    """`original` [E] as read, for the quarantine; `events` [E] with canonical columns, nulls where unreadable."""

    original: pd.DataFrame
    events: pd.DataFrame
    ts_unit_ms: float


class EventOptions(NamedTuple):
    """How values are read: see the reader's Config for the meaning of each."""

    timestamp_unit: str = "auto"
    time_format: str | None = None
    event_types: Mapping[str, str] = {}
    default_event: str | None = None
    liked_from: float | None = None


def canonical(original: pd.DataFrame, chosen: Mapping[str, str], options: EventOptions) -> RawEvents:
    """Event table of an `original` table whose column `chosen[name]` is our column `name`.

    Ids, sessions and further columns become str, times milliseconds, numbers float32 with infinity where a value is
    there but no number.
    """
    table = renamed(original, chosen)
    time = table["timestamp"].rename(chosen["timestamp"])
    times = parse_times(time, options.timestamp_unit, options.time_format)
    columns: dict[str, object] = {name: as_ids(table[name]) for name in ("user_id", "item_id")}
    columns["ts_ms"] = times.ts_ms
    columns["event"] = _event_types(table, options)
    for name in table.columns.drop(["user_id", "item_id", "timestamp", "event"], errors="ignore"):
        if name in NUMERIC:
            is_ms = name in {"watch_s", "duration_s"} and chosen[name].lower().endswith("_ms")
            columns[name] = (numbers(table[name]) / (1000 if is_ms else 1)).astype(np.float32)
        elif not is_nested(table[name]):
            columns[name] = as_text(table[name])
    if "rating" in columns and "liked" not in columns:
        columns["liked"] = liked(np.asarray(columns["rating"]), options.liked_from)
    return RawEvents(original, pd.DataFrame(columns), times.unit_ms)


def numbers(values: pd.Series) -> NDArray[np.float64]:
    """Values as numbers, truth values as 1 and 0; NaN where missing, infinity where there but no number."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    parsed = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    strange = np.flatnonzero(np.isnan(parsed) & values.notna().to_numpy())
    words = values.iloc[strange].astype(str).str.strip().str.lower()
    known = words.map(_WORDS | {"": np.nan, "nan": np.nan}).to_numpy(dtype=np.float64, na_value=np.nan)
    parsed = parsed.copy()
    parsed[strange] = np.where(words.isin([*_WORDS, "", "nan"]), known, np.inf)
    return parsed


def liked(rating: NDArray[np.float32], liked_from: float | None = None) -> NDArray[np.float32]:
    """1 where the rating [E] says the item was liked, 0 where not, NaN where there is no rating.

    Without `liked_from`, the threshold is 80 % of the smallest usual scale (1, 5, 10, 100) that holds all ratings.
    """
    finite = rating[np.isfinite(rating)]
    top = float(finite.max(initial=0))
    scale = next((scale for scale in SCALES if top <= scale), top)
    threshold = LIKED_SHARE * scale if liked_from is None else liked_from
    logger.info("a rating of at least %g counts as liked (option liked_from)", threshold)
    return np.where(np.isfinite(rating), rating >= threshold, np.nan).astype(np.float32)


def _event_types(table: pd.DataFrame, options: EventOptions) -> pd.Series[str]:
    """Event types in lower case and under our names; without such a column, the same one for all rows."""
    for name in (*options.event_types.values(), options.default_event or EventType.CLICK):
        if name not in list(EventType):
            raise ValueError(f"event type {name!r} is unknown; choose from {', '.join(EventType)}")
    if "event" not in table:
        is_rated = "rating" in table or "liked" in table
        likely = EventType.RATING if is_rated else EventType.PLAY if "watch_s" in table else EventType.CLICK
        return pd.Series(options.default_event or str(likely), index=table.index, dtype="str")
    codes, found = as_text(table["event"]).factorize()
    ours = {name.lower(): event for name, event in options.event_types.items()}
    lower = [str(name).strip().lower() for name in found]
    named = pd.array([ours.get(name, name) for name in lower], dtype="str")
    return pd.Series(named.take(codes, allow_fill=True), index=table.index)


def is_nested(values: pd.Series) -> bool:
    """Whether a column holds lists or records, which say nothing as context."""
    known = values.dropna()
    return len(known) > 0 and isinstance(known.iloc[0], (list, dict, tuple, np.ndarray))
