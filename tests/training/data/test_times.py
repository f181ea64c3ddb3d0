"""Times of every usual form become the same milliseconds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.data.times import parse_times

MOMENT_MS = 1_506_826_800_123


@pytest.mark.parametrize(
    ("values", "unit_ms"),
    [
        (pd.Series([MOMENT_MS / 1000]), 1000),
        (pd.Series([MOMENT_MS]), 1),
        (pd.Series([MOMENT_MS * 1000 + 999]), 1e-3),
        (pd.Series([MOMENT_MS * 1_000_000 + 999_999]), 1e-6),
        (pd.Series([str(MOMENT_MS)]), 1),
        (pd.Series(["2017-10-01T03:00:00.123Z"]), 1000),
        (pd.Series(["2017-10-01 05:00:00.123+02:00"]), 1000),
        (pd.to_datetime(pd.Series(["2017-10-01 03:00:00.123"])), 1000),
        (pd.to_datetime(pd.Series(["2017-10-01 03:00:00.123"])).dt.tz_localize("UTC"), 1000),
        (pd.Series(pd.to_datetime(["2017-10-01 03:00:00.123"])).convert_dtypes(dtype_backend="pyarrow"), 1000),
    ],
)
def test_the_unit_is_told_by_the_size_or_the_form(values: pd.Series, unit_ms: float) -> None:
    times = parse_times(values)
    assert times.ts_ms.tolist() == [MOMENT_MS]
    assert times.unit_ms == unit_ms


def test_positions_stay_positions() -> None:
    assert parse_times(pd.Series([0, 1, 2])).ts_ms.tolist() == [0, 1000, 2000]


def test_a_column_named_in_milliseconds_is_taken_at_its_word() -> None:
    assert parse_times(pd.Series([0, 1000], name="ts_ms")).ts_ms.tolist() == [0, 1000]


def test_the_unit_can_be_given() -> None:
    assert parse_times(pd.Series([5]), "ns").ts_ms.tolist() == [0]
    assert parse_times(pd.Series([5]), "ms").ts_ms.tolist() == [5]
    with pytest.raises(ValueError, match="fortnight"):
        parse_times(pd.Series([5]), "fortnight")


def test_what_cannot_be_read_is_nan() -> None:
    numbers = parse_times(pd.Series(["1506826800", "soon", None])).ts_ms
    dates = parse_times(pd.Series(["2017-10-01", "soon", None])).ts_ms
    assert np.isnan(numbers).tolist() == np.isnan(dates).tolist() == [False, True, True]


def test_one_absurd_number_does_not_change_the_unit_of_the_others() -> None:
    assert parse_times(pd.Series([1_506_826_800, 1_506_826_801, 10**18])).unit_ms == 1000


def test_another_date_format_can_be_given() -> None:
    times = parse_times(pd.Series(["01/10/2017"]), time_format="%d/%m/%Y")
    assert times.ts_ms.tolist() == [1_506_816_000_000]
