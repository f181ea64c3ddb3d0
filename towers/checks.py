"""Checks of an event table: which rows are kept and why each other row is refused.

Shapes: E events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from towers.schema import ITEMLESS_EVENTS, REQUIRED_COLUMNS, BadRow, CheckRules, EventType

FUTURE_SLACK_MS = 86_400_000
"""Clocks of devices run ahead, and local times are read as UTC: a day is forgiven."""

_REASONS = tuple(BadRow)


class Checked(NamedTuple):
    """`reasons` [E] int8: 0 where the row is kept, else 1 + the place of its reason in `BadRow`."""

    kept: pd.DataFrame
    reasons: NDArray[np.int8]
    num_unknown_items: int

    def reason_of(self, row: int) -> BadRow | None:
        """Why a row was refused; None where it was kept."""
        return _REASONS[self.reasons[row] - 1] if self.reasons[row] else None

    def counts(self) -> dict[str, int]:
        """Refused rows by reason; reasons without a row are left out."""
        numbers = np.bincount(self.reasons, minlength=len(_REASONS) + 1)[1:]
        return {str(reason): int(number) for reason, number in zip(_REASONS, numbers, strict=True) if number}


def require_columns(present: Iterable[str], needed: Iterable[str] = REQUIRED_COLUMNS, group: str = "columns") -> None:
    """Raise a ValueError for the first needed column that is not there."""
    there = list(present)
    for name in needed:
        if name not in there:
            shown = "timestamp" if name == "ts_ms" else name
            raise ValueError(
                f"no column {shown} was found; the columns are {', '.join(map(str, there)) or '(none)'}; "
                f"name the right one with data.{group}.{shown}=NAME"
            )


def check(events: pd.DataFrame, rules: CheckRules, *, now_ms: int, catalogue: pd.Series[str] | None = None) -> Checked:
    """Sort the rows of an event table into kept and refused.

    Expects canonical columns; what could not be parsed is null in `ts_ms` and infinite in the numeric columns.
    Kept rows have the canonical types, keep their order and get a new index. A ValueError names a missing column.
    """
    require_columns(events.columns)
    reasons = np.zeros(len(events), dtype=np.int8)
    for reason, is_bad in _findings(events, rules, now_ms):
        reasons[(reasons == 0) & is_bad] = 1 + _REASONS.index(reason)
    num_unknown_items = _check_catalogue(events, reasons, rules, catalogue)
    duplicates = np.flatnonzero(reasons == 0)
    duplicates = duplicates[_repeats(events.iloc[duplicates])]
    reasons[duplicates] = 1 + _REASONS.index(BadRow.DUPLICATE)
    kept = events if not reasons.any() else events[reasons == 0]
    return Checked(_typed(kept), reasons, num_unknown_items)


def as_text(values: pd.Series) -> pd.Series[str]:
    """Values as str, nulls kept: whole numbers without '.0', booleans as 'True' and 'False'."""
    dtype = values.dtype
    if isinstance(dtype, pd.StringDtype):
        return values.astype("str")
    if isinstance(dtype, pd.CategoricalDtype):
        categories = as_text(pd.Series(values.cat.categories)).array
        return pd.Series(categories.take(values.cat.codes.to_numpy(), allow_fill=True), index=values.index, dtype="str")
    if pd.api.types.is_object_dtype(dtype):
        return _objects_as_text(values)
    if pd.api.types.is_bool_dtype(dtype):
        return values.map({True: "True", False: "False"}).astype("str")
    if pd.api.types.is_float_dtype(dtype):
        values = _whole(values)
    return pd.Series(pa.array(values, from_pandas=True).cast(pa.large_string()), index=values.index, dtype="str")


def as_ids(values: pd.Series) -> pd.Series[str]:
    """Ids as str; '7.0' becomes '7' where every id has that form, as whole numbers written by way of a float have."""
    texts = as_text(values)
    known = texts.dropna()
    is_float = len(known) > 0 and known.iloc[0].endswith(".0") and bool(known.str.fullmatch(r"-?\d+\.0").all())
    return texts.str.removesuffix(".0") if is_float else texts


def _findings(events: pd.DataFrame, rules: CheckRules, now_ms: int) -> Iterator[tuple[BadRow, NDArray[np.bool_]]]:
    """Each reason that looks at a row alone, with the mask [E] of its rows."""
    is_itemless = _column(events, "event").isin(list(map(str, ITEMLESS_EVENTS))).to_numpy()
    yield BadRow.NULL_USER, _is_empty(events["user_id"])
    yield BadRow.NULL_ITEM, _is_empty(events["item_id"]) & ~is_itemless
    ts_ms = events["ts_ms"].to_numpy(dtype=np.float64, na_value=np.nan)
    yield BadRow.UNREADABLE_TIME, ~np.isfinite(ts_ms)
    yield BadRow.NEGATIVE_TIME, ts_ms < 0
    yield BadRow.FUTURE_TIME, ts_ms > now_ms + FUTURE_SLACK_MS
    if "event" in events:
        yield BadRow.UNKNOWN_EVENT, ~events["event"].isin([str(event) for event in EventType]).to_numpy()
    yield BadRow.BAD_RATING, np.isinf(_numbers(events, "rating"))
    liked = _numbers(events, "liked")
    yield BadRow.BAD_LIKED, ~(np.isnan(liked) | (liked == 0) | (liked == 1))
    watch_s, duration_s = _numbers(events, "watch_s"), _numbers(events, "duration_s")
    yield BadRow.BAD_WATCH, (watch_s < 0) | np.isinf(watch_s)
    yield BadRow.BAD_DURATION, (duration_s < 0) | np.isinf(duration_s)
    yield BadRow.WATCH_BEYOND_DURATION, (duration_s > 0) & (watch_s > rules.max_watch_ratio * duration_s)


def _check_catalogue(
    events: pd.DataFrame, reasons: NDArray[np.int8], rules: CheckRules, catalogue: pd.Series[str] | None
) -> int:
    """Mark rows of items outside the catalogue if the rules say so; the number of such items that were kept."""
    if catalogue is None:
        return 0
    is_unknown = ~(events["item_id"].isin(catalogue) | _is_empty(events["item_id"])).to_numpy() & (reasons == 0)
    if rules.unknown_items == "reject":
        reasons[is_unknown] = 1 + _REASONS.index(BadRow.UNKNOWN_ITEM)
        return 0
    return int(events["item_id"][is_unknown].nunique())


def _repeats(events: pd.DataFrame) -> NDArray[np.bool_]:
    """Mask of the rows that repeat an earlier `event_id` or, without one, an earlier user, item, time and event."""
    keys = pd.DataFrame({name: events[name].factorize()[0] for name in ("user_id", "item_id")})
    keys["ts_ms"] = events["ts_ms"].to_numpy(dtype=np.int64)
    if "event" in events:
        keys["event"] = events["event"].factorize()[0]
    repeats = keys.duplicated().to_numpy()
    if "event_id" in events:
        has_id = ~_is_empty(events["event_id"])
        repeats = np.where(has_id, events["event_id"].duplicated().to_numpy(), repeats)
    return repeats


def _typed(kept: pd.DataFrame) -> pd.DataFrame:
    numeric = {name: "float32" for name in ("rating", "liked", "watch_s", "duration_s") if name in kept}
    typed = kept.astype({"ts_ms": "int64"} | numeric).reset_index(drop=True)
    typed["item_id"] = typed["item_id"].fillna("")
    return typed


def _column(events: pd.DataFrame, name: str) -> pd.Series:
    return events[name] if name in events else pd.Series(np.nan, index=events.index)


def _numbers(events: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return _column(events, name).to_numpy(dtype=np.float64, na_value=np.nan)


def _is_empty(values: pd.Series) -> NDArray[np.bool_]:
    return (values.isna() | (values == "")).to_numpy(dtype=bool)


def _whole(values: pd.Series) -> pd.Series:
    """Floats as integers where all are whole numbers."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    known = numbers[~np.isnan(numbers)]
    is_whole = bool(np.all(np.isfinite(known) & (np.floor(known) == known) & (np.abs(known) < 2**53)))
    return values.astype("Int64") if is_whole else values


def _objects_as_text(values: pd.Series) -> pd.Series[str]:
    if pd.api.types.infer_dtype(values, skipna=True) == "string":
        return values.astype("str")
    texts = [None if _is_null(value) else _plain(value) for value in values.tolist()]
    return pd.Series(texts, index=values.index, dtype="str")


def _is_null(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value))


def _plain(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
