"""Times in any usual form become int64 milliseconds since 1970 (UTC)."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

UNIT_MS: Final = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
"""Milliseconds in a unit of time."""

FIRST_CLOCK_MS: Final = 1e11
"""March 1973: a table whose newest time is earlier counts positions, it has no clock."""


class Times(NamedTuple):
    """`ts_ms` [E] float64, whole milliseconds, NaN where unreadable; `unit_ms` of the numbers they came from."""

    ts_ms: NDArray[np.float64]
    unit_ms: float


def parse_times(values: pd.Series, unit: str = "auto", time_format: str | None = None) -> Times:
    """Numbers, dates and ISO 8601 strings (UTC where they name no zone) as milliseconds.

    `unit` is s, ms, us, ns or auto: then a column named `*_ms` holds milliseconds and any other is judged by the
    median of its numbers (below 1e11 seconds or positions, below 1e14 ms, below 1e17 us, else ns).
    `time_format` is a `strptime` pattern for strings that are not ISO 8601. Strings and dates have `unit_ms` 1000.
    """
    if unit != "auto" and unit not in UNIT_MS:
        raise ValueError(f"timestamp_unit is {unit!r}; choose auto, {', '.join(UNIT_MS)}")
    if pd.api.types.is_datetime64_any_dtype(values.dtype) or str(values.dtype).startswith(("timestamp", "date")):
        return Times(_milliseconds(pd.to_datetime(values, utc=True, errors="coerce")), UNIT_MS["s"])
    if time_format is None:
        numbers = pd.to_numeric(values, errors="coerce")
        if numbers.notna().sum() * 2 >= values.notna().sum():
            return _from_numbers(numbers, _unit(numbers, str(values.name), unit))
    dates = pd.to_datetime(values, utc=True, errors="coerce", format=time_format or "ISO8601")
    return Times(_milliseconds(dates), UNIT_MS["s"])


def _unit(numbers: pd.Series, name: str, unit: str) -> str:
    if unit != "auto":
        return unit
    if name.lower().endswith("_ms"):
        return "ms"
    size = float(np.nanmedian(np.abs(numbers.to_numpy(dtype=np.float64, na_value=np.nan)))) if len(numbers) else 0.0
    return "ns" if size >= 1e17 else "us" if size >= 1e14 else "ms" if size >= 1e11 else "s"


def _from_numbers(numbers: pd.Series, unit: str) -> Times:
    """Whole numbers stay exact; parts of a millisecond are cut off."""
    if pd.api.types.is_integer_dtype(numbers.dtype) and unit in {"us", "ns"}:
        whole = numbers // round(1 / UNIT_MS[unit])
        return Times(whole.to_numpy(dtype=np.float64, na_value=np.nan), UNIT_MS[unit])
    scaled = numbers.to_numpy(dtype=np.float64, na_value=np.nan) * UNIT_MS[unit]
    return Times(np.floor(np.round(scaled, 3)), UNIT_MS[unit])


def _milliseconds(dates: pd.Series) -> NDArray[np.float64]:
    milliseconds = dates.astype("datetime64[ms, UTC]").astype("int64").to_numpy(dtype=np.float64)
    return np.where(dates.isna(), np.nan, milliseconds)
