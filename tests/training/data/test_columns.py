"""Columns are recognised by their usual names, mapped, or refused with a remedy."""

from __future__ import annotations

import pandas as pd
import pytest

from training.data.columns import EVENT_NAMES, recognise, renamed


@pytest.mark.parametrize(
    ("user", "item", "time"),
    [
        ("user_id", "item_id", "timestamp"),
        ("userId", "movieId", "timestamp"),
        ("profile_id", "title_id", "ts_ms"),
        ("customer", "article_id", "event_time"),
        ("reviewerID", "asin", "unixReviewTime"),
        ("User", "Item", "Date"),
    ],
)
def test_usual_names_are_recognised(user: str, item: str, time: str) -> None:
    chosen = recognise([user, item, time, "device"], EVENT_NAMES, {}, "columns")
    assert chosen == {"user_id": user, "item_id": item, "timestamp": time}


def test_two_columns_for_one_name_are_refused_until_one_is_mapped() -> None:
    names = ["user_id", "customer", "item_id", "time"]
    with pytest.raises(ValueError, match=r"user_id and customer .*data\.columns\.user_id="):
        recognise(names, EVENT_NAMES, {}, "columns")
    assert recognise(names, EVENT_NAMES, {"user_id": "customer"}, "columns")["user_id"] == "customer"


def test_a_mapping_to_no_column_or_from_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"data\.columns\.user_id=nobody: no such column; the columns are a, b"):
        recognise(["a", "b"], EVENT_NAMES, {"user_id": "nobody"}, "columns")
    with pytest.raises(ValueError, match=r"data\.columns\.userid: .* choose from user_id, item_id"):
        recognise(["a", "b"], EVENT_NAMES, {"userid": "a"}, "columns")


def test_a_mapped_column_is_not_taken_twice_and_what_it_displaces_steps_aside() -> None:
    frame = pd.DataFrame({"who": ["a"], "user_id": ["b"], "item_id": ["i"], "ts": [1]})
    chosen = recognise(frame.columns, EVENT_NAMES, {"user_id": "who", "ts_ms": "ts"}, "columns")
    assert list(renamed(frame, chosen).columns) == ["user_id", "user_id_original", "item_id", "timestamp"]
