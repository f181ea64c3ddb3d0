"""What the checks keep and why they refuse the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from towers.checks import as_ids, as_text, check
from towers.schema import BadRow, CheckRules

NOW_MS = 1_700_000_000_000
GOOD = {"user_id": "u", "item_id": "i", "ts_ms": 1_600_000_000_000.0, "event": "play"}


def table(*rows: dict[str, object]) -> pd.DataFrame:
    """A good row with each change, a millisecond apart so that none is a duplicate."""
    frame = pd.DataFrame([GOOD | {"ts_ms": 1_600_000_000_000.0 + t} | row for t, row in enumerate(rows)])
    return frame.astype({name: "str" for name in ("user_id", "item_id", "event", "event_id") if name in frame})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"user_id": None}, BadRow.NULL_USER),
        ({"user_id": ""}, BadRow.NULL_USER),
        ({"item_id": None}, BadRow.NULL_ITEM),
        ({"ts_ms": np.nan}, BadRow.UNREADABLE_TIME),
        ({"ts_ms": -1.0}, BadRow.NEGATIVE_TIME),
        ({"ts_ms": NOW_MS + 3e8}, BadRow.FUTURE_TIME),
        ({"event": "teleport"}, BadRow.UNKNOWN_EVENT),
        ({"event": None}, BadRow.UNKNOWN_EVENT),
        ({"rating": np.inf}, BadRow.BAD_RATING),
        ({"liked": 2.0}, BadRow.BAD_LIKED),
        ({"watch_s": -5.0}, BadRow.BAD_WATCH),
        ({"duration_s": -5.0}, BadRow.BAD_DURATION),
        ({"watch_s": 3000.0, "duration_s": 100.0}, BadRow.WATCH_BEYOND_DURATION),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(change: dict[str, object], reason: BadRow) -> None:
    checked = check(table({}, change, {}), CheckRules(), now_ms=NOW_MS)
    assert checked.counts() == {reason: 1}
    assert checked.reason_of(1) == reason
    assert checked.reason_of(0) is None
    assert checked.kept["ts_ms"].tolist() == [1_600_000_000_000, 1_600_000_000_002]


def test_missing_values_of_optional_columns_are_no_fault() -> None:
    numbers: dict[str, object] = dict.fromkeys(("rating", "liked", "watch_s", "duration_s"), np.nan)
    checked = check(table(numbers), CheckRules(), now_ms=NOW_MS)
    assert checked.counts() == {}
    assert (checked.kept.dtypes[list(numbers)] == "float32").all()
    assert checked.kept["ts_ms"].dtype == "int64"


def test_a_search_needs_no_item() -> None:
    checked = check(table({"event": "search", "item_id": None}), CheckRules(), now_ms=NOW_MS)
    assert checked.kept["item_id"].tolist() == [""]


def test_the_same_event_id_counts_once_and_rows_without_one_are_compared_whole() -> None:
    same: dict[str, object] = {"ts_ms": 1_600_000_000_000.0}
    frame = table({"event_id": "a"}, {"event_id": "a"}, {"event_id": "b"} | same, {"event_id": None} | same, same)
    checked = check(frame, CheckRules(), now_ms=NOW_MS)
    assert np.flatnonzero(checked.reasons).tolist() == [1, 3, 4]
    assert checked.counts() == {BadRow.DUPLICATE: 3}


def test_the_same_user_item_time_with_another_event_is_no_duplicate() -> None:
    same: dict[str, object] = {"ts_ms": 1_600_000_000_000.0}
    checked = check(table(same, same | {"event": "complete"}, same), CheckRules(), now_ms=NOW_MS)
    assert checked.kept["event"].tolist() == ["play", "complete"]


def test_a_bad_row_does_not_make_its_good_repetition_a_duplicate() -> None:
    frame = table({"event_id": "a", "rating": np.inf}, {"event_id": "a", "rating": 3.0})
    assert check(frame, CheckRules(), now_ms=NOW_MS).kept["rating"].tolist() == [3.0]


def test_items_outside_the_catalogue_are_counted_or_refused() -> None:
    frame = table({}, {"item_id": "x"}, {"item_id": "x"}, {"item_id": "y"})
    catalogue = pd.Series(["i"], dtype="str")
    kept = check(frame, CheckRules(), now_ms=NOW_MS, catalogue=catalogue)
    assert (len(kept.kept), kept.num_unknown_items) == (4, 2)
    rejected = check(frame, CheckRules(unknown_items="reject"), now_ms=NOW_MS, catalogue=catalogue)
    assert rejected.counts() == {BadRow.UNKNOWN_ITEM: 3}


def test_a_missing_column_is_named_with_those_that_are_there_and_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"no column user_id .* item_id, ts_ms, event; .*data\.columns\.user_id=NAME"):
        check(table({}).drop(columns="user_id"), CheckRules(), now_ms=NOW_MS)


@pytest.mark.parametrize("rules", [{"unknown_items": "maybe"}, {"max_bad_share": 1.5}, {"max_duplicate_share": -1.0}])
def test_senseless_rules_are_refused(rules: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(rules))):
        CheckRules(**rules)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pd.Series([1, 2], dtype="int8"), ["1", "2"]),
        (pd.Series([1.0, np.nan]), ["1", None]),
        (pd.Series([2**53 + 1, None], dtype="Int64"), ["9007199254740993", None]),
        (pd.Series([0.5, 2.0]), ["0.5", "2"]),
        (pd.Series([True, False]), ["True", "False"]),
        (pd.Series([True, None], dtype="boolean"), ["True", None]),
        (pd.Series([True, None], dtype="bool[pyarrow]"), ["True", None]),
        (pd.Series([3, None], dtype="int8[pyarrow]"), ["3", None]),
        (pd.Series(["007", None]), ["007", None]),
        (pd.Series([7, "x", None, 2.0], dtype=object), ["7", "x", None, "2"]),
        (pd.Series([7, None], dtype=object), ["7", None]),
        (pd.Series([7.0, None], dtype=object), ["7", None]),
        (pd.Series([2**64, None], dtype=object), ["18446744073709551616", None]),
        (pd.Series([True, None], dtype=object), ["True", None]),
        (pd.Series(["a", None], dtype=object), ["a", None]),
        (pd.Series(["a", "b", None], dtype="category"), ["a", "b", None]),
        (pd.Series([], dtype="float64"), []),
    ],
)
def test_values_become_text_without_a_trailing_zero(values: pd.Series, texts: list[str | None]) -> None:
    found = as_text(values)
    assert str(found.dtype) == "str"
    assert found.astype(object).where(found.notna(), None).tolist() == texts


def test_ids_written_by_way_of_floats_lose_the_point() -> None:
    assert as_ids(pd.Series(["1.0", None, "20.0"])).dropna().tolist() == ["1", "20"]
    assert as_ids(pd.Series(["1.0", "2.5"])).tolist() == ["1.0", "2.5"]
